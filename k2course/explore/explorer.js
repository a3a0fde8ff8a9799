// The model explorer: sliders, live curves against a reference run, read-out, table.
// One source for the kernel (anywidget calls render) and for the page (see page.js).

function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

// JupyterLab would take the arrow keys of a slider for itself.
function keepArrows(el) {
  el.addEventListener("keydown", (event) => {
    if (event.target.type === "range") event.stopPropagation();
  });
}

let instances = 0;
const SLOW = 10; // ms; a slower run would eat most of a frame, so it goes to a worker

// Runs of a model: in a worker until a run has shown that it fits into a frame, then at once for
// as long as it does.
function makeRunner(spec) {
  const equations = new Function(`return ${spec.source}`)();
  const times = Array.from({ length: spec.points }, (_, i) => (i * spec.t_end) / (spec.points - 1));
  const now = (changed) => solve(equations, { ...spec.parameters, ...changed }, times);
  const waiting = new Map();
  let worker, fast = false, count = 0;

  function start() {
    const source = `${INTEGRATOR}
      const equations = ${spec.source};
      onmessage = ({ data: { id, parameters, times } }) => {
        const begun = performance.now();
        try { postMessage({ id, columns: solve(equations, parameters, times), spent: performance.now() - begun }); }
        catch (error) { postMessage({ id, error: error.message }); }
      };`;
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    worker = new Worker(address);
    worker.onmessage = ({ data: { id, columns, error, spent } }) => {
      const [resolve, reject] = waiting.get(id);
      waiting.delete(id);
      fast = spent <= SLOW;
      if (error) reject(new Error(error));
      else resolve(columns);
    };
  }

  return {
    variables: equations.variables, times, now,
    async run(changed) {
      if (fast) {
        const begun = performance.now(), columns = now(changed);
        fast = performance.now() - begun <= SLOW;
        return columns;
      }
      if (!worker) start();
      return new Promise((resolve, reject) => {
        waiting.set(++count, [resolve, reject]);
        worker.postMessage({ id: count, parameters: { ...spec.parameters, ...changed }, times });
      });
    },
  };
}

function renderModel({ model, el }) {
  const spec = model.get("spec");
  const runner = makeRunner(spec);
  const column = (id) => runner.variables.indexOf(id);
  const times = runner.times;
  const scaled = (columns, curves) => curves.map((c) => columns[column(c.id)].map((v) => v * c.scale));
  const uid = `k2-${++instances}`;
  const withUnit = (value, unit) => (unit === "1" ? `${value}` : `${value} ${unit}`);
  const reference = runner.run({});
  reference.catch(() => {}); // update says it
  let now, before, row = spec.points - 1;
  const allowed = (name, value) => {
    const slider = spec.sliders.find((s) => s.id === name);
    return slider && Number.isFinite(value) && value >= slider.low && value <= slider.high;
  };
  let values = { ...model.get("parameters") };
  let message = model.get("message") ?? "";

  // Controls
  const inputs = new Map();
  const controls = spec.sliders.map((slider) => {
    const output = h("output", { for: `${uid}-${slider.id}` });
    const input = h("input", {
      type: "range", id: `${uid}-${slider.id}`, name: slider.id,
      min: slider.low, max: slider.high, step: slider.step, "aria-describedby": `${uid}-${slider.id}-note`,
      oninput: () => {
        values = { ...values, [slider.id]: Number(input.value) };
        model.set("parameters", values);
        model.save_changes();
        schedule();
      },
    });
    inputs.set(slider.id, { input, output, slider });
    return h("div", { class: "k2-slider" },
      h("label", { for: input.id }, slider.label), output, input,
      h("small", { id: `${uid}-${slider.id}-note` }, slider.note));
  });
  const presets = Object.entries(spec.presets).map(([name, settings]) =>
    h("button", { type: "button", onclick: () => set(settings) }, name));
  const reset = h("button", { type: "button", onclick: () => set({}) }, "Reset");
  const code = h("code", { class: "k2-code", tabindex: "0", "aria-label": "These settings in Python" });
  const copy = h("button", {
    type: "button",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        status.textContent = "Copied.";
      } catch {
        getSelection().selectAllChildren(code);
        status.textContent = "Selected: press Ctrl+C to copy.";
      }
    },
  }, "Copy settings as code");
  const status = h("p", { class: "k2-status", role: "status" });

  // Charts with their read-outs
  const reader = h("input", {
    type: "range", min: 0, max: spec.points - 1, step: 1, value: row, id: `${uid}-time`,
    oninput: () => mark(Number(reader.value)),
  });
  const panels = spec.panels.map((panel) => {
    const box = h("div", { class: "k2-panel" }, h("p", { class: "k2-panel-title" }, panel.title));
    const canvas = h("div", { class: "k2-canvas" });
    const legend = h("ul", { class: "k2-legend" });
    const reads = panel.curves.map((curve) => {
      const value = h("span", { class: "k2-value" }), reference = h("small");
      legend.append(h("li", {}, h("span", { class: `k2-key k2-c${curve.color} k2-d${curve.color}` }),
        `${curve.label} `, value, " ", reference));
      return { value, reference };
    });
    for (const e of panel.evidence) {
      const interval = e.low === undefined ? "no interval printed" : `${short(e.low)} to ${short(e.high)}`;
      legend.append(h("li", {}, h("span", { class: "k2-square" }), `${e.label}: `, h("span", { class: "k2-value" }, short(e.value)), ` (${interval})`));
    }
    box.append(canvas, legend);
    const view = chart(canvas, {
      title: `${panel.title}: ${panel.curves.map((c) => c.label).join(", ")} against time`,
      xLabel: `time, ${spec.time_unit}`, yLabel: panel.y_label, curves: panel.curves, evidence: panel.evidence, onHover: mark,
    });
    return { ...panel, box, view, reads };
  });
  const table = h("table", {});
  const details = h("details", { ontoggle: () => details.open && now && fillTable() },
    h("summary", {}, "Show as table"), h("div", { class: "k2-scroll", tabindex: "0", role: "region", "aria-label": `Values of the curves: ${spec.title}` }, table));

  el.replaceChildren(
    h("div", { class: "k2-title" }, spec.title),
    h("div", { class: "k2-body" },
      h("div", { class: "k2-controls" }, ...controls, h("div", { class: "k2-buttons" }, ...presets, reset)),
      h("div", { class: "k2-panels" }, ...panels.map((p) => p.box))),
    h("div", { class: "k2-reader" }, h("label", { for: reader.id }, "Read values at"), reader, h("output", { for: reader.id })),
    h("div", { class: "k2-code-line" }, code, copy), status, details);
  el.classList.add("k2-live");
  keepArrows(el);
  const readAt = el.querySelector(".k2-reader output");

  function set(settings) {
    values = { ...Object.fromEntries(spec.sliders.map((s) => [s.id, s.value])), ...settings };
    model.set("parameters", values);
    model.save_changes();
    schedule();
  }

  let waiting = false;
  function schedule() {
    if (!waiting) requestAnimationFrame(() => { waiting = false; update(); });
    waiting = true;
  }

  function showSettings() {
    for (const [id, { input, output, slider }] of inputs) {
      input.value = values[id];
      output.textContent = withUnit(values[id], slider.unit);
      input.setAttribute("aria-valuetext", withUnit(values[id], slider.unit));
    }
    const settings = Object.entries({ ...spec.settings, ...values }).map(([k, v]) => `, ${k}=${v}`).join("");
    code.textContent = `models.load("${spec.model}").simulate(${spec.t_end}, points=${spec.points}${settings})`;
  }

  // One run at a time; what was set meanwhile follows, and only the newest of it.
  let running = false, again = false;
  async function update() {
    showSettings();
    again = true;
    if (running) return;
    for (running = true; again; ) {
      again = false;
      await draw();
    }
    running = false;
  }

  async function draw() {
    try {
      before = await reference;
      now = await runner.run(values);
      status.textContent = message;
      message = "";
    } catch (error) {
      status.textContent = `The model could not be solved with these settings: ${error.message}.`;
      return;
    }
    for (const p of panels) p.view.draw(times, scaled(now, p.curves), scaled(before, p.curves));
    mark(row);
    if (details.open) fillTable();
  }

  function mark(at) {
    row = at;
    if (!now) return;
    reader.value = row;
    readAt.textContent = withUnit(+times[row].toPrecision(4), spec.time_unit);
    reader.setAttribute("aria-valuetext", readAt.textContent);
    for (const p of panels) {
      p.view.mark(row);
      p.curves.forEach((curve, i) => {
        const [value, reference] = [now, before].map((run) => short(run[column(curve.id)][row] * curve.scale));
        p.reads[i].value.textContent = value;
        p.reads[i].reference.textContent = `(thin line: ${reference})`;
      });
    }
  }

  function fillTable() {
    const curves = panels.flatMap((p) => p.curves.map((c) => ({ ...c, unit: p.y_label })));
    const every = Math.ceil(spec.points / 25);
    table.replaceChildren(
      h("thead", {}, h("tr", {}, ...[`time, ${spec.time_unit}`, ...curves.map((c) => `${c.label}, ${c.unit}`)].map((x) => h("th", { scope: "col" }, x)))),
      h("tbody", {}, ...times.map((t, i) => [t, i]).filter(([, i]) => i % every === 0).map(([t, i]) =>
        h("tr", {}, h("th", { scope: "row" }, short(t)), ...curves.map((c) => h("td", {}, short(now[column(c.id)][i] * c.scale)))))));
  }

  model.on("change:parameters", () => {
    const given = Object.entries(model.get("parameters")).filter(([k, v]) => allowed(k, v));
    values = { ...values, ...Object.fromEntries(given) };
    schedule();
  });
  new ResizeObserver(() => { if (now) { panels.forEach((p) => p.view.redraw()); mark(row); } }).observe(el);
  update();
}
