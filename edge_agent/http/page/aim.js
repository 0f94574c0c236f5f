// The aiming page: asks for the next look, shows it, asks again. All words come from the box.
"use strict";

const page = document.getElementById("page");
const camera = document.getElementById("camera");
const verdict = document.getElementById("verdict");
const picture = document.getElementById("picture");
const missing = document.getElementById("missing");
const figures = document.getElementById("figures");
const RETRY_MS = 1000;
let number = 0;
let isOver = false;

function end() {
  isOver = true;
  picture.hidden = true;
  picture.removeAttribute("src");
  figures.replaceChildren();
  missing.textContent = "";
  say(page.dataset.closed, "over");
}

function say(text, tone) {
  // The same words again would be read out again.
  if (verdict.textContent !== text) verdict.textContent = text;
  verdict.className = tone;
}

function show(look) {
  number = look.number;
  if (look.verdict) say(look.verdict, look.is_right ? "right" : "wrong");
  missing.textContent = look.missing;
  picture.hidden = look.picture === null;
  if (look.picture === null) picture.removeAttribute("src");
  else picture.src = look.picture;
  figures.replaceChildren(...look.figures.map(row));
}

function row(figure) {
  const line = document.createElement("div");
  const name = document.createElement("dt");
  const value = document.createElement("dd");
  name.textContent = figure.name;
  value.textContent = figure.value;
  line.append(name, value);
  return line;
}

async function run() {
  while (!isOver) {
    try {
      const query = new URLSearchParams({ camera: camera.value, after: String(number) });
      const answer = await fetch(`/look?${query}`, { cache: "no-store" });
      if (answer.status === 410 || answer.status === 401) return end();
      if (!answer.ok) throw new Error(String(answer.status));
      const look = await answer.json();
      if (!isOver && look.camera === camera.value) show(look);
    } catch {
      say(page.dataset.lost, "over");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

document.getElementById("leave").addEventListener("click", async () => {
  await fetch("/leave", { method: "POST" }).catch(() => undefined);
  end();
});

run();
