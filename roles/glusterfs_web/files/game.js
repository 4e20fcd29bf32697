// Asteroids cross the canvas; a click on one is a point. The score goes to the server at the end, and all of them are shown.
const canvas = document.getElementById("space");
const pen = canvas.getContext("2d");
let asteroids = [], score = 0, ends = 0;

async function showScores() {
	const answer = await fetch("scores");
	if (!answer.ok) return;
	const items = (await answer.json()).slice(0, 10).map((entry) => {
		const item = document.createElement("li");
		item.textContent = `${entry.player}: ${entry.score}`;
		return item;
	});
	document.getElementById("scores").replaceChildren(...items);
}

async function tellScore() {
	const player = document.getElementById("player").value || "player";
	await fetch("scores", { method: "POST", body: JSON.stringify({ player, score }) });
	await showScores();
}

function draw() {
	const left = ends - performance.now();
	if (Math.random() < 0.04) {
		asteroids.push({ x: -20, y: 20 + Math.random() * 320, speed: 1 + Math.random() * 3, size: 10 + Math.random() * 15 });
	}
	pen.clearRect(0, 0, canvas.width, canvas.height);
	pen.fillStyle = "#ccb";
	for (const asteroid of asteroids) {
		asteroid.x += asteroid.speed;
		pen.beginPath();
		pen.arc(asteroid.x, asteroid.y, asteroid.size, 0, 7);
		pen.fill();
	}
	asteroids = asteroids.filter((asteroid) => asteroid.x < 680);
	pen.fillText(left > 0 ? `${score} hit, ${Math.ceil(left / 1000)} s left` : `${score} hit; click to play`, 10, 15);
	if (left > 0) return requestAnimationFrame(draw);
	ends = 0;
	tellScore();
}

canvas.addEventListener("click", (event) => {
	if (ends === 0) {
		asteroids = [];
		score = 0;
		ends = performance.now() + 20000;
		return draw();
	}
	const before = asteroids.length;
	asteroids = asteroids.filter((a) => Math.hypot(a.x - event.offsetX, a.y - event.offsetY) > a.size);
	score += before - asteroids.length;
});

pen.fillStyle = "#ccb";
pen.fillText("click to play", 10, 15);
showScores();
