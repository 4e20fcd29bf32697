# Run as root on the host `awkward`: what a program that logs in must not stumble over.
for file in /home/lab/.profile /home/lab/.bashrc /etc/ssh/sshrc; do
	{
		echo "echo 'Welcome! Last maintenance: yesterday. {\"changed\": true}'"
		echo "printf 'no newline at the end, and a byte that is no text: \\377'"
		echo "echo 'a complaint on standard error' >&2"
	} >"$file.new"
	[ ! -e "$file" ] || cat "$file" >>"$file.new"
	mv "$file.new" "$file"
done
mount --bind /home/lab /home/lab
mount -o remount,bind,ro /home/lab
