// Finds headings and texts that have all the words; those with a word in the heading first. Works from any static server; opened as a file, browsers allow no search.
const root = document.currentScript.dataset.root;
const input = document.querySelector("input[type=search]");
const found = document.getElementById("found");
const main = document.querySelector("main");
let sections;

input.form.addEventListener("submit", event => event.preventDefault());
document.addEventListener("keydown", event => {
  if (event.key === "/" && document.activeElement !== input) { event.preventDefault(); input.focus(); }
  if (event.key === "Escape") { input.value = ""; show([], []); }
});
input.addEventListener("input", async () => {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  sections ??= await (await fetch(root + "search.json")).json();
  const hits = words.length === 0 ? [] : sections
    .map(section => ({ section, score: score(section, words) }))
    .filter(hit => hit.score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, 20);
  show(hits.map(hit => hit.section), words);
});

function score(section, words) {
  const title = section.title.toLowerCase(), text = section.text.toLowerCase(), page = section.page.toLowerCase();
  let sum = 0;
  for (const word of words) {
    const one = (title.includes(word) ? 4 : 0) + (page.includes(word) ? 2 : 0) + (text.includes(word) ? 1 : 0);
    if (one === 0) return 0;
    sum += one;
  }
  return sum;
}

function show(hits, words) {
  found.replaceChildren(...hits.map(section => {
    const item = document.createElement("li"), link = document.createElement("a"), text = document.createElement("p");
    link.href = root + section.at;
    link.textContent = section.title === section.page ? section.title : `${section.page}: ${section.title}`;
    const at = Math.max(0, section.text.toLowerCase().indexOf(words[0]) - 60);
    text.textContent = section.text.slice(at, at + 180);
    item.append(link, text);
    return item;
  }));
  if (words.length > 0 && hits.length === 0) found.textContent = "Nothing has all these words.";
  found.hidden = words.length === 0;
  main.hidden = words.length > 0;
}
