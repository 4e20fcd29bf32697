"""`AnsibleModule` for modules that need no more of Ansible than this; brought along by rprov where none is installed.

Written for rprov, from what https://docs.ansible.com/ansible/latest/dev_guide/developing_program_flow_modules.html and the
pages around it say of modules.
"""
import grp
import hashlib
import json
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

from ansible.module_utils._text import jsonify, to_bytes, to_native, to_text

_ANSIBLE_ARGS = None
_ANSIBLE_PROFILE = None

BOOLEANS_TRUE = frozenset(['y', 'yes', 'on', '1', 'true', 't', 1, 1.0, True])
BOOLEANS_FALSE = frozenset(['n', 'no', 'off', '0', 'false', 'f', 0, 0.0, False])
BOOLEANS = BOOLEANS_TRUE | BOOLEANS_FALSE
HIDDEN = 'VALUE_SPECIFIED_IN_NO_LOG_PARAMETER'
UNITS = {'': 1, 'B': 1, 'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 'T': 1 << 40, 'P': 1 << 50, 'E': 1 << 60}


def _name(database, number):
    """The name of an account or a group; its number where it has none."""
    try:
        return database(number)[0]
    except KeyError:
        return str(number)


def boolean(value, strict=True):
    plain = value.strip().lower() if isinstance(value, str) else value
    try:
        if plain in BOOLEANS_TRUE:
            return True
        if plain in BOOLEANS_FALSE or not strict:
            return False
    except TypeError:
        pass
    raise TypeError("The value '{0}' is not a valid boolean.".format(value))


def human_to_bytes(number, default_unit=None, isbits=False):
    text = str(number).strip()
    digits = text.rstrip('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ')
    unit = text[len(digits):].strip() or default_unit or ''
    return int(float(digits) * UNITS[unit[:1].upper()])


def env_fallback(*names, **_):
    for name in names:
        if name in os.environ:
            return os.environ[name]
    raise LookupError(names)


def missing_required_lib(library, reason=None, url=None):
    text = "Failed to import the required Python library ({0}) on {1}'s Python {2}.".format(
        library, os.uname()[1], sys.executable)
    text += ' This is required {0}.'.format(reason) if reason else ''
    text += ' See {0} for more info.'.format(url) if url else ''
    return text + ' Please read the module documentation and install it in the appropriate location.'


class Refused(Exception):
    """The arguments do not fit."""


def _words(value):
    if isinstance(value, str):
        return [word.strip() for word in value.split(',')] if value else []
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (int, float)):
        return [str(value)]
    raise TypeError('{0} cannot be converted to a list'.format(type(value)))


def _mapping(value):
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        if value.strip().startswith('{'):
            return json.loads(value)
        if '=' in value:
            return dict(word.split('=', 1) for word in shlex.split(value.replace(',', ' ')))
    raise TypeError('{0} cannot be converted to a dict'.format(type(value)))


def _text(value):
    return value if isinstance(value, str) else str(value)


def _int(value):
    if isinstance(value, bool) or isinstance(value, float) and value != int(value):
        raise TypeError('{0!r} is no integer'.format(value))
    return int(value)


TYPES = {
    'str': _text,
    'int': _int,
    'float': float,
    'bool': boolean,
    'list': _words,
    'dict': _mapping,
    'path': lambda value: os.path.expanduser(os.path.expandvars(_text(value))),
    'raw': lambda value: value,
    'json': lambda value: value.strip() if isinstance(value, str) else json.dumps(value),
    'jsonarg': lambda value: value.strip() if isinstance(value, str) else json.dumps(value),
    'bytes': human_to_bytes,
    'bits': lambda value: human_to_bytes(value, isbits=True),
}


def _converted(name, value, kind):
    try:
        return (kind if callable(kind) else TYPES[kind])(value)
    except (TypeError, ValueError, KeyError) as error:
        raise Refused("argument '{0}' is of type {1} and we were unable to convert to {2}: {3}".format(
            name, type(value), kind, error))


class _Checker:
    """Brings the arguments into the form that a specification asks for."""

    def __init__(self, module, spec):
        self.module, self.spec = module, spec

    def check(self, given, where=''):
        params = dict(given)
        for name, option in self.spec.items():
            for alias in option.get('aliases') or []:
                if alias in params:
                    params.setdefault(name, params[alias])
        supported = {alias for option in self.spec.values() for alias in option.get('aliases') or []} | set(self.spec)
        unknown = sorted(name for name in params if name not in supported)
        if unknown:
            raise Refused(self.unsupported(unknown, where))
        for name, option in self.spec.items():
            if params.get(name) is None and 'fallback' in option:
                self.fall_back(params, name, *option['fallback'])
            if params.get(name) is None and option.get('default') is not None:
                params[name] = option['default']
        missing = sorted(name for name, option in self.spec.items() if option.get('required') and name not in params)
        if missing:
            raise Refused('missing required arguments: ' + ', '.join(missing) + where)
        for name, option in self.spec.items():
            value = params.setdefault(name, None)
            if value is not None:
                params[name] = self.value(name, value, option)
                if option.get('no_log') and not isinstance(value, bool):
                    self.module.no_log_values.update(str(item) for item in _leaves(params[name]) if str(item))
        return params

    def unsupported(self, unknown, where):
        names = ', '.join(sorted(self.spec))
        aliases = sorted(alias for option in self.spec.values() for alias in option.get('aliases') or [])
        if aliases:
            names += ' ({0})'.format(', '.join(aliases))
        return 'Unsupported parameters for ({0}) module: {1}{2}. Supported parameters include: {3}.'.format(
            self.module._name, ', '.join(unknown), where, names)

    @staticmethod
    def fall_back(params, name, strategy, *sources):
        positional = next((source for source in sources if isinstance(source, (list, tuple))), [])
        named = next((source for source in sources if isinstance(source, dict)), {})
        try:
            params[name] = strategy(*positional, **named)
        except Exception:  # noqa: there is no other value, whatever the strategy's own error is
            pass

    def value(self, name, value, option):
        kind = option.get('type') or 'str'
        value = _converted(name, value, kind)
        if kind == 'list' and option.get('elements'):
            value = [_converted("Elements value for option '{0}'".format(name), item, option['elements'])
                     for item in value]
        self.choose(name, value, option.get('choices'))
        if option.get('options') is not None:
            where = " found in {0}".format(name)
            checker = _Checker(self.module, option['options'])
            whole = value if kind == 'list' else [value]
            whole = [checker.check(item, where) for item in whole]
            for item in whole:
                self.module._relations(item, option)
            value = whole if kind == 'list' else whole[0]
        return value

    @staticmethod
    def choose(name, value, choices):
        if choices is None:
            return
        wrong = [item for item in (value if isinstance(value, list) else [value]) if item not in choices]
        if wrong:
            what = 'one or more of' if isinstance(value, list) else 'one of'
            raise Refused('value of {0} must be {1}: {2}, got: {3}'.format(
                name, what, ', '.join(str(choice) for choice in choices), ', '.join(str(item) for item in wrong)))


def _leaves(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


class AnsibleModule:
    """A module's arguments, and its way to answer."""

    def __init__(self, argument_spec, bypass_checks=False, no_log=False, mutually_exclusive=None,
                 required_together=None, required_one_of=None, add_file_common_args=False,
                 supports_check_mode=False, required_if=None, required_by=None):
        given = json.loads(to_text(_ANSIBLE_ARGS))['ANSIBLE_MODULE_ARGS']
        internal = {name[len('_ansible_'):]: value for name, value in given.items() if name.startswith('_ansible_')}
        self.argument_spec = dict(argument_spec)
        self._name = str(internal.get('module_name') or 'module')
        self.check_mode = bool(internal.get('check_mode'))
        self.no_log = no_log or bool(internal.get('no_log'))
        self._diff = bool(internal.get('diff'))
        self._verbosity = internal.get('verbosity') or 0
        self._debug = bool(internal.get('debug'))
        self.ansible_version = internal.get('version')
        self.tmpdir = internal.get('tmpdir') or tempfile.gettempdir()
        self.supports_check_mode = supports_check_mode
        self.no_log_values = set()
        self._warnings, self._deprecations, self._cleanup = [], [], []
        self.params = {name: value for name, value in given.items() if not name.startswith('_ansible_')}
        if add_file_common_args:
            self.fail_json(msg='the module {0} sets owners and modes of files with code of Ansible, which is not installed '
                               'on the controller; `pip install ansible-core` there brings it'.format(self._name))
        relations = {'mutually_exclusive': mutually_exclusive, 'required_together': required_together,
                     'required_one_of': required_one_of, 'required_if': required_if, 'required_by': required_by}
        try:
            self.params = _Checker(self, self.argument_spec).check(self.params)
            if not bypass_checks:
                self._relations(self.params, relations)
        except Refused as error:
            self.fail_json(msg=str(error))
        if self.check_mode and not supports_check_mode:
            self.exit_json(skipped=True, msg='remote module ({0}) does not support check mode'.format(self._name))

    @staticmethod
    def _relations(params, rules):
        def there(name):
            return params.get(name) is not None

        for names in rules.get('mutually_exclusive') or []:
            names = [names] if isinstance(names, str) else names
            if sum(map(there, names)) > 1:
                raise Refused('parameters are mutually exclusive: ' + '|'.join(names))
        for names in rules.get('required_together') or []:
            if any(map(there, names)) and not all(map(there, names)):
                raise Refused('parameters are required together: ' + ', '.join(names))
        for names in rules.get('required_one_of') or []:
            if not any(map(there, names)):
                raise Refused('one of the following is required: ' + ', '.join(names))
        for rule in rules.get('required_if') or []:
            name, value, names = rule[:3]
            any_of = len(rule) > 3 and rule[3]
            missing = [other for other in names if not there(other)]
            if params.get(name) == value and (len(missing) == len(names) if any_of else missing):
                raise Refused('{0} is {1} but {2} of the following are missing: {3}'.format(
                    name, value, 'any' if any_of else 'all', ', '.join(missing)))
        for name, names in (rules.get('required_by') or {}).items():
            missing = [other for other in ([names] if isinstance(names, str) else names) if not there(other)]
            if there(name) and missing:
                raise Refused("missing parameter(s) required by '{0}': {1}".format(name, ', '.join(missing)))

    # Answers.

    def _hidden(self, value):
        if isinstance(value, dict):
            return {self._hidden(key): self._hidden(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set)):
            return [self._hidden(item) for item in value]
        if isinstance(value, bytes):
            value = to_text(value)
        if isinstance(value, bool) or value is None:
            return value
        text = str(value)
        if text in self.no_log_values:
            return HIDDEN
        for secret in sorted(self.no_log_values, key=len, reverse=True):
            text = text.replace(secret, '********')
        return text if isinstance(value, str) or text != str(value) else value

    def _describe(self, result):
        """What the file is like that a result names, as far as it can be looked at."""
        path = result.get('path', result.get('dest'))
        if not isinstance(path, (str, bytes)) or not os.path.exists(path):
            return
        status = os.lstat(path)
        kinds = [('link', os.path.islink(path)), ('directory', os.path.isdir(path)), ('hard', status.st_nlink > 1)]
        result.update(
            uid=status.st_uid, gid=status.st_gid, mode='%04o' % (status.st_mode & 0o7777), size=status.st_size,
            owner=_name(pwd.getpwuid, status.st_uid), group=_name(grp.getgrgid, status.st_gid),
            state=next((kind for kind, found in kinds if found), 'file'))

    def _answer(self, result, status):
        for call, arguments in self._cleanup:
            call(arguments)
        self._describe(result)
        for name, own in (('warnings', self._warnings), ('deprecations', self._deprecations)):
            more = result.get(name) or []
            all_of_them = own + (list(more) if isinstance(more, (list, tuple)) else [more])
            if all_of_them:
                result[name] = all_of_them
        result.setdefault('invocation', {'module_args': self.params})
        print('\n' + json.dumps(self._hidden(result), default=to_text))
        sys.exit(status)

    def exit_json(self, **result):
        self._answer(result, 0)

    def fail_json(self, msg, **result):
        result.update(failed=True, msg=msg)
        self._answer(result, 1)

    def warn(self, warning, **_):
        if warning not in self._warnings:
            self._warnings.append(warning)

    def deprecate(self, msg, version=None, date=None, collection_name=None, **_):
        notice = {'msg': msg, 'version': version, 'date': date, 'collection_name': collection_name}
        notice = {name: value for name, value in notice.items() if value is not None or name in ('msg', 'version')}
        if notice not in self._deprecations:
            self._deprecations.append(notice)

    def log(self, msg, log_args=None):
        if not self.no_log:
            import syslog
            syslog.openlog('ansible-' + self._name.rsplit('.', 1)[-1])
            syslog.syslog(self._hidden(to_text(msg)))

    def debug(self, msg):
        if self._debug:
            self.log('[debug] ' + to_text(msg))

    # What modules do on a host.

    def run_command(self, args, check_rc=False, close_fds=True, executable=None, data=None, binary_data=False,
                    path_prefix=None, cwd=None, use_unsafe_shell=False, prompt_regex=None, environ_update=None,
                    umask=None, encoding='utf-8', errors='surrogateescape', expand_user_and_vars=True,
                    pass_fds=None, before_communicate_callback=None, ignore_invalid_cwd=True, handle_exceptions=True):
        if use_unsafe_shell:
            command = args if isinstance(args, str) else ' '.join(shlex.quote(word) for word in args)
        else:
            command = shlex.split(args) if isinstance(args, str) else [to_text(word) for word in args]
            if expand_user_and_vars:
                command = [os.path.expanduser(os.path.expandvars(word)) for word in command]
        environment = dict(os.environ, **{name: str(value) for name, value in (environ_update or {}).items()})
        if path_prefix:
            environment['PATH'] = '{0}:{1}'.format(path_prefix, environment.get('PATH', os.defpath))
        if cwd and not os.path.isdir(cwd) and ignore_invalid_cwd:
            cwd = None
        if data is not None:
            data = to_bytes(data)
            data += b'' if binary_data else b'\n'
        try:
            process = subprocess.Popen(
                command, shell=use_unsafe_shell, executable=executable, cwd=cwd, env=environment, close_fds=close_fds,
                pass_fds=pass_fds or (), stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                preexec_fn=(lambda: os.umask(umask)) if umask is not None else None)
            if before_communicate_callback:
                before_communicate_callback(process)
            out, err = process.communicate(data)
            status = process.returncode
        except OSError as error:
            if not handle_exceptions:
                raise
            self.fail_json(msg='Error executing command.', rc=error.errno, stdout='', stderr='', cmd=command)
        if encoding is not None:
            out, err = out.decode(encoding, errors), err.decode(encoding, errors)
        if check_rc and status != 0:
            self.fail_json(msg=to_text(err).rstrip(), rc=status, stdout=out, stderr=err, cmd=command)
        return status, out, err

    def get_bin_path(self, arg, required=False, opt_dirs=None):
        directories = list(opt_dirs or []) + os.environ.get('PATH', os.defpath).split(os.pathsep)
        directories += ['/sbin', '/usr/sbin', '/usr/local/sbin']
        found = shutil.which(arg, path=os.pathsep.join(directories))
        if found is None and required:
            self.fail_json(msg='Failed to find required executable "{0}" in paths: {1}'.format(
                arg, os.pathsep.join(directories)))
        return found

    def digest_from_file(self, filename, algorithm):
        if not os.path.exists(filename):
            return None
        digest = hashlib.new(algorithm)
        with open(filename, 'rb') as source:
            for piece in iter(lambda: source.read(65536), b''):
                digest.update(piece)
        return digest.hexdigest()

    def md5(self, filename):
        return self.digest_from_file(filename, 'md5')

    def sha1(self, filename):
        return self.digest_from_file(filename, 'sha1')

    def sha256(self, filename):
        return self.digest_from_file(filename, 'sha256')

    def backup_local(self, fn):
        if not os.path.exists(fn):
            return ''
        copy = '{0}.{1}.{2}~'.format(fn, os.getpid(), time.strftime('%Y-%m-%d@%H:%M:%S'))
        shutil.copy2(fn, copy)
        return copy

    def atomic_move(self, src, dest, unsafe_writes=False, keep_dest_attrs=True):
        if keep_dest_attrs and os.path.exists(dest):
            there = os.stat(dest)
            os.chmod(src, there.st_mode & 0o7777)
            if os.geteuid() == 0:
                os.chown(src, there.st_uid, there.st_gid)
        elif not os.path.exists(dest):
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(src, 0o666 & ~mask)
        handle, beside = tempfile.mkstemp(prefix='.ansible_tmp', dir=os.path.dirname(os.path.abspath(dest)))
        os.close(handle)
        try:
            shutil.copy2(src, beside)
            if os.geteuid() == 0:
                owner = os.stat(src)
                os.chown(beside, owner.st_uid, owner.st_gid)
            os.rename(beside, dest)
        except OSError as error:
            os.unlink(beside)
            self.fail_json(msg='Could not replace file {0} with {1}: {2}'.format(src, dest, error))
        os.unlink(src)

    def add_cleanup_file(self, path):
        self._cleanup.append((self.cleanup, path))

    def do_cleanup_files(self):
        for call, path in self._cleanup:
            call(path)

    def cleanup(self, tmpfile):
        if os.path.exists(tmpfile):
            os.unlink(tmpfile)

    def boolean(self, arg):
        return arg if arg is None or isinstance(arg, bool) else boolean(arg)

    def jsonify(self, data):
        return jsonify(data)

    def from_json(self, data):
        return json.loads(data)
