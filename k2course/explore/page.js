// In the page: stand in for the kernel's side of the widget and mount every explorer.
// The settings of the n-th explorer stand in the address: #explorer-1=dose:4,phi:0.1
const inAddress = () => new URLSearchParams(location.hash.slice(1));

function fromAddress(key, spec) {
  const text = inAddress().get(key);
  if (text === null) return {};
  const given = text.split(",").map((pair) => pair.split(":"));
  const good = given.every(([name, value]) => {
    const slider = spec.sliders.find((s) => s.id === name);
    return slider && value?.trim() && +value >= slider.low && +value <= slider.high;
  });
  if (good) return { parameters: Object.fromEntries(given.map(([name, value]) => [name, +value])) };
  return { message: "The settings in the address could not be used; these are the defaults." };
}

function pageModel(state, key) {
  const { parameters, message } = fromAddress(key, state.spec);
  const model = { ...state, message, parameters: { ...state.parameters, ...parameters } };
  let timer;
  return {
    get: (name) => model[name],
    set: (name, value) => (model[name] = value),
    save_changes() {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const address = inAddress();
        for (const name of [...address.keys()]) if (!name.startsWith("explorer-")) address.delete(name);
        const changed = Object.entries(model.parameters).filter(([k, v]) => v !== state.parameters[k]);
        if (changed.length) address.set(key, changed.map((pair) => pair.join(":")).join(","));
        else address.delete(key);
        history.replaceState(null, "", `#${decodeURIComponent(address)}`);
      }, 250);
    },
    on() {},
  };
}

function mount(element, key) {
  const state = JSON.parse(element.querySelector("script").textContent);
  const el = element.querySelector(".k2-mount");
  try {
    render({ model: pageModel(state, key), el });
  } catch (error) {
    el.replaceChildren(); // the picture stays
    console.error("explorer:", error);
  }
}

// Each in a task of its own, so that none of them makes the page wait for all.
const mountAll = () => document.querySelectorAll(".k2-explorer").forEach((element, i) =>
  setTimeout(() => mount(element, `explorer-${i + 1}`)));

// For tests and curious readers: the curves of the n-th explorer at given settings.
window.k2course = {
  curves(number, settings) {
    const element = document.querySelectorAll(".k2-explorer")[number];
    const { spec } = JSON.parse(element.querySelector("script").textContent);
    const runner = makeRunner(spec), columns = runner.now(settings);
    return Object.fromEntries(runner.variables.map((id, i) => [id, Array.from(columns[i])]));
  },
};

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountAll);
else mountAll();
