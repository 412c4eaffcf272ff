"use strict";
// A canvas knows no style sheet: the stand-ins for the scheme's colours are replaced before anything is drawn.
const scheme = matchMedia("(prefers-color-scheme: dark)");
const style = getComputedStyle(document.documentElement);
let text = document.getElementById("documents").textContent;
for (const [standIn, name] of [["#000001", "--ink"], ["#000002", "--muted"], ["#000003", "--grid"], ["#000004", "--panel"]])
  text = text.replaceAll(standIn, style.getPropertyValue(name).trim());
// On a touch screen a finger scrolls the page; the tools above a chart still zoom it.
const touch = matchMedia("(pointer: coarse)").matches;
const narrow = matchMedia("(max-width: 560px)").matches;
function fitted(key, value) {
  if (touch && key === "active_drag") return null;
  if (narrow && key === "min_border_left") return 0;
  if (narrow && key === "desired_num_ticks") return Math.min(value, 4);
  return value;
}
const documents = JSON.parse(text, fitted);
const sections = [...document.querySelectorAll("[data-section]")];
const tabs = [...document.querySelectorAll("[data-tab]")];

async function show(index) {
  sections.forEach((section, i) => { section.hidden = i !== index; });
  tabs.forEach((tab, i) => tab.setAttribute("aria-selected", String(i === index)));
  const section = sections[index];
  if (section.dataset.drawn !== undefined) return;
  section.dataset.drawn = "";
  const { doc, roots } = documents[index];
  const id = `d${index}`;
  await Bokeh.embed.embed_items({ [id]: doc }, [{ docid: id, roots, root_ids: Object.keys(roots) }]);
  section.dataset.drawn = "yes";
}

tabs.forEach((tab, i) => tab.addEventListener("click", () => show(i)));
scheme.addEventListener("change", () => location.reload());
if (sections.length) show(0);
