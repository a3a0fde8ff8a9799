// In the page: step through results that the build computed. They come as a script, on demand,
// because a page opened from a folder may not fetch.
const grids = new Map(), wanted = new Map();
window.k2grid = (name, grid) => {
  grids.set(name, grid);
  wanted.get(name)();
};
const base = document.currentScript.src.replace(/[^/]*$/, "");

function load(name) {
  if (grids.has(name)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    wanted.set(name, resolve);
    const script = document.createElement("script");
    script.src = `${base}grids/${name}.js`;
    script.onerror = () => reject(new Error("the results could not be loaded"));
    document.head.append(script);
  });
}

function mountGrid(element) {
  const name = element.dataset.grid, result = element.querySelector(".k2-result");
  const selects = [...element.querySelectorAll("select")];
  element.querySelector(".k2-choices").hidden = false;
  element.addEventListener("change", async () => {
    try {
      await load(name);
      const at = selects.reduce((sum, select) => sum * select.options.length + select.selectedIndex, 0);
      result.innerHTML = grids.get(name).results[at];
    } catch (error) {
      result.textContent = `${error.message}.`;
    }
  });
}

const mountGrids = () => document.querySelectorAll(".k2-grid").forEach(mountGrid);
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountGrids);
else mountGrids();
