// Filters the operations, opens the one that the address names, and copies examples. The page is whole without it.
"use strict";

const filter = document.getElementById("filter");
const operations = [...document.querySelectorAll("main details")];

filter.hidden = false;
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const each of operations) {
    const text = each.textContent.toLowerCase();
    each.hidden = !words.every((word) => text.includes(word));
  }
});

for (const pre of document.querySelectorAll("details pre")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(pre.querySelector("code").textContent);
    button.textContent = "Copied";
  });
  pre.prepend(button);
}

function unfold() {
  const named = document.getElementById(location.hash.slice(1));
  if (named instanceof HTMLDetailsElement) {
    named.open = true;
  }
}
addEventListener("hashchange", unfold);
unfold();
