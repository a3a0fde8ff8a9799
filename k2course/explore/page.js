// In the page: stand in for the kernel's side of the widget and mount every explorer.
function pageModel(state) {
  return {
    get: (key) => state[key],
    set: (key, value) => (state[key] = value),
    save_changes() {},
    on() {},
  };
}

function mountAll() {
  for (const element of document.querySelectorAll(".k2-explorer")) {
    const state = JSON.parse(element.querySelector("script").textContent);
    const mount = element.querySelector(".k2-mount");
    try {
      render({ model: pageModel(state), el: mount });
    } catch (error) {
      mount.replaceChildren(); // the picture stays
      console.error("explorer:", error);
    }
  }
}

// For tests and curious readers: the curves of the n-th explorer at given settings.
window.k2course = {
  curves(number, settings) {
    const element = document.querySelectorAll(".k2-explorer")[number];
    const { spec } = JSON.parse(element.querySelector("script").textContent);
    const equations = new Function(`return ${spec.source}`)();
    const times = Array.from({ length: spec.points }, (_, i) => (i * spec.t_end) / (spec.points - 1));
    const columns = solve(equations, { ...spec.parameters, ...settings }, times);
    return Object.fromEntries(equations.variables.map((id, i) => [id, Array.from(columns[i])]));
  },
};

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountAll);
else mountAll();
