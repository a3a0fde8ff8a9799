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
const SLOW = 10; // ms; a longer run would eat most of a frame

// Workers that run a model, one for all explorers of it. Returns a function that asks for a run.
const workers = new Map();
function startWorker(source) {
  const code = `${INTEGRATOR}
    const equations = ${source};
    onmessage = ({ data: { parameters, times } }) => {
      const begun = performance.now();
      try {
        const columns = solve(equations, parameters, times), spent = performance.now() - begun;
        postMessage({ columns, spent }, columns.map((column) => column.buffer));
      } catch (error) { postMessage({ error: error.message }); }
    };`;
  const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const waiting = []; // answers come in the order of the requests
  worker.onmessage = ({ data }) => {
    const [resolve, reject] = waiting.shift();
    if (data.error) reject(new Error(data.error));
    else resolve(data);
  };
  return (request) => new Promise((resolve, reject) => {
    waiting.push([resolve, reject]);
    worker.postMessage(request);
  });
}

// Runs of a model: in a worker, and at once for as long as a run fits into a frame.
function makeRunner(spec) {
  const { source, points, t_end } = spec;
  const times = Array.from({ length: points }, (_, i) => (i * t_end) / (points - 1));
  let equations, reference, fast = false, warming = false;
  const compiled = () => (equations ??= new Function(`return ${source}`)());
  const now = (changed, n = points) =>
    solve(compiled(), { ...spec.parameters, ...changed }, n < points ? times.slice(0, n) : times);
  const clocked = (call) => {
    const begun = performance.now();
    return [call(), performance.now() - begun];
  };

  // Equations are slow until the browser has seen some use of them and compiled them. So they are
  // used in growing pieces of a run, each short, before the page takes over from the worker.
  async function warm(changed) {
    if (warming || fast) return;
    warming = true;
    try {
      for (let n = 2, tries = 0; tries < 25 && !fast; tries++) {
        await new Promise((done) => setTimeout(() => done(), 10));
        const [, spent] = clocked(() => now(changed, n));
        fast = n >= points && spent <= SLOW;
        if (spent < SLOW / 2) n *= 2;
      }
    } catch {
      // these settings fail, and the run that was asked for says so
    } finally {
      warming = false;
    }
  }

  async function ask(changed) {
    if (!workers.has(source)) workers.set(source, startWorker(source));
    return workers.get(source)({ parameters: { ...spec.parameters, ...changed }, times });
  }

  return {
    times, now, warm,
    get variables() { return compiled().variables; },
    async run(changed) {
      if (Object.entries(changed).every(([name, value]) => value === spec.parameters[name]))
        return (await (reference ??= ask({}))).columns;
      if (!fast) {
        const { columns, spent } = await ask(changed);
        if (spent <= SLOW) warm(changed);
        return columns;
      }
      fast = false; // should it fail
      const [columns, spent] = clocked(() => now(changed));
      fast = spent <= SLOW;
      return columns;
    },
  };
}

function renderModel({ model, el }) {
  const spec = model.get("spec");
  const runner = makeRunner(spec);
  const times = runner.times;
  const scaled = (run, curves) => curves.map((c) => run[runner.variables.indexOf(c.id)].map((v) => v * c.scale));
  const uid = `k2-${++instances}`;
  const withUnit = (value, unit) => (unit === "1" ? `${value}` : `${value} ${unit}`);
  const reference = runner.run({});
  reference.catch(() => {}); // update says it
  let drawn = false, row = spec.points - 1;
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
        update();
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
  const details = h("details", { ontoggle: () => details.open && drawn && fillTable() },
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
  for (const near of ["pointerenter", "focusin"]) // a move may follow
    el.addEventListener(near, () => runner.warm(values), { once: true });
  const readAt = el.querySelector(".k2-reader output");

  function set(settings) {
    values = { ...Object.fromEntries(spec.sliders.map((s) => [s.id, s.value])), ...settings };
    model.set("parameters", values);
    model.save_changes();
    update();
  }

  function showSettings() {
    for (const [id, { input, output, slider }] of inputs) {
      const text = withUnit(values[id], slider.unit);
      if (text === output.textContent) continue;
      input.value = values[id];
      output.textContent = text;
      input.setAttribute("aria-valuetext", text);
    }
    const settings = Object.entries({ ...spec.settings, ...values }).map(([k, v]) => `, ${k}=${v}`).join("");
    code.textContent = `models.load("${spec.model}").simulate(${spec.t_end}, points=${spec.points}${settings})`;
  }

  // One run at a time and a frame; what was set meanwhile follows, and only the newest of it.
  let running = false, again = false;
  async function update() {
    showSettings();
    again = true;
    if (running) return;
    running = true;
    await null; // in a kernel one move tells of itself twice
    for (; again; await new Promise((done) => requestAnimationFrame(() => done()))) {
      again = false;
      await draw();
    }
    running = false;
  }

  async function draw() {
    try {
      const [before, now] = await Promise.all([reference, runner.run(values)]);
      for (const p of panels) {
        p.before ??= scaled(before, p.curves);
        p.now = scaled(now, p.curves);
      }
      status.textContent = message;
      message = "";
    } catch (error) {
      status.textContent = `The model could not be solved with these settings: ${error.message}.`;
      return;
    }
    drawn = true;
    for (const p of panels) p.view.draw(times, p.now, p.before);
    mark(row);
    if (details.open) fillTable();
  }

  function mark(at) {
    row = at;
    if (!drawn) return;
    reader.value = row;
    readAt.textContent = withUnit(+times[row].toPrecision(4), spec.time_unit);
    reader.setAttribute("aria-valuetext", readAt.textContent);
    for (const p of panels) {
      p.view.mark(row);
      p.reads.forEach((read, i) => {
        const [value, reference] = [p.now, p.before].map((columns) => short(columns[i][row]));
        read.value.textContent = value;
        read.reference.textContent = `(thin line: ${reference})`;
      });
    }
  }

  function fillTable() {
    const curves = panels.flatMap((p) => p.curves.map((c, i) => ({ column: p.now[i], head: `${c.label}, ${p.y_label}` })));
    const every = Math.ceil(spec.points / 25);
    table.replaceChildren(
      h("thead", {}, h("tr", {}, ...[`time, ${spec.time_unit}`, ...curves.map((c) => c.head)].map((x) => h("th", { scope: "col" }, x)))),
      h("tbody", {}, ...times.map((t, i) => [t, i]).filter(([, i]) => i % every === 0).map(([t, i]) =>
        h("tr", {}, h("th", { scope: "row" }, short(t)), ...curves.map((c) => h("td", {}, short(c.column[i])))))));
  }

  model.on("change:parameters", () => {
    const given = Object.entries(model.get("parameters")).filter(([k, v]) => allowed(k, v));
    values = { ...values, ...Object.fromEntries(given) };
    update();
  });
  update();
}
