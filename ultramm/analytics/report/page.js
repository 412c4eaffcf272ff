"use strict";
const style = getComputedStyle(document.documentElement);
const touch = matchMedia("(pointer: coarse)").matches;
const narrow = matchMedia("(max-width: 560px)").matches;
const sections = [...document.querySelectorAll("[data-section]")];
const tabs = [...document.querySelectorAll("[data-tab]")];
const documents = unpack(document.getElementById("documents").textContent).then(read);

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

function read(text) {
  // A canvas knows no style sheet: the stand-ins for the scheme's colours are replaced before anything is drawn.
  const colours = [["#000001", "--ink"], ["#000002", "--muted"], ["#000003", "--grid"], ["#000004", "--panel"]];
  for (const [standIn, name] of colours) text = text.replaceAll(standIn, style.getPropertyValue(name).trim());
  return JSON.parse(text, fitted);
}

function fitted(key, value) {
  // On a touch screen a finger scrolls the page; the tools above a chart still zoom it.
  if (touch && key === "active_drag") return null;
  if (narrow && key === "min_border_left") return 0;
  if (narrow && key === "desired_num_ticks") return Math.min(value, 4);
  return value;
}

async function show(index) {
  sections.forEach((section, i) => { section.hidden = i !== index; });
  tabs.forEach((tab, i) => tab.setAttribute("aria-selected", String(i === index)));
  const section = sections[index];
  if (section.dataset.drawn !== undefined) return;
  section.dataset.drawn = "";
  const { doc, roots } = (await documents)[index];
  const id = `d${index}`;
  const managers = await Bokeh.embed.embed_items({ [id]: doc }, [{ docid: id, roots, root_ids: Object.keys(roots) }]);
  for (const manager of managers) for (const view of manager.roots) follow(view.model);
  section.dataset.drawn = "yes";
}

// Bokeh's box zoom pins the other axis too; a chart over time shall fit it to what the zoom left.
function follow({ window_axis, x_range, y_range }) {
  if (window_axis !== "x" || y_range.type !== "DataRange1d") return;
  let due = false;
  x_range.change.connect(() => {
    if (due) return;
    due = true;
    setTimeout(() => { due = false; y_range.reset(); });
  });
}

tabs.forEach((tab, i) => tab.addEventListener("click", () => show(i)));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => location.reload());
show(0);
