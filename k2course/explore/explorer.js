// The model explorer: sliders, live curves against a reference run, read-out, table.
// One source for the kernel (anywidget calls render) and for the page (see book.py).

function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

let instances = 0;

function render({ model, el }) {
  const spec = model.get("spec");
  const equations = new Function(`return ${spec.source}`)();
  const column = (id) => equations.variables.indexOf(id);
  const times = Array.from({ length: spec.points }, (_, i) => (i * spec.t_end) / (spec.points - 1));
  const run = (changed) => solve(equations, { ...spec.parameters, ...changed }, times);
  const scaled = (columns, curves) => curves.map((c) => columns[column(c.id)].map((v) => v * c.scale));
  const uid = `k2-${++instances}`;
  const withUnit = (value, unit) => (unit === "1" ? `${value}` : `${value} ${unit}`);
  let now, before = run({}), row = spec.points - 1;
  let values = { ...model.get("parameters") };

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
    box.append(canvas, legend);
    const view = chart(canvas, {
      title: `${panel.title}: ${panel.curves.map((c) => c.label).join(", ")} against time`,
      xLabel: `time, ${spec.time_unit}`, yLabel: panel.y_label, curves: panel.curves, onHover: mark,
    });
    return { ...panel, box, view, reads };
  });
  const table = h("table", {});
  const details = h("details", { ontoggle: () => details.open && fillTable() },
    h("summary", {}, "Show as table"), h("div", { class: "k2-scroll", tabindex: "0", role: "region", "aria-label": "Values of the curves" }, table));

  el.replaceChildren(
    h("div", { class: "k2-title" }, spec.title),
    h("div", { class: "k2-body" },
      h("div", { class: "k2-controls" }, ...controls, h("div", { class: "k2-buttons" }, ...presets, reset)),
      h("div", { class: "k2-panels" }, ...panels.map((p) => p.box))),
    h("div", { class: "k2-reader" }, h("label", { for: reader.id }, "Read values at"), reader, h("output", { for: reader.id })),
    h("div", { class: "k2-code-line" }, code, copy), status, details);
  el.classList.add("k2-live");
  el.addEventListener("keydown", (event) => {
    if (event.target.type === "range") event.stopPropagation(); // JupyterLab would take the arrows
  });
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

  function update() {
    for (const [id, { input, output, slider }] of inputs) {
      input.value = values[id];
      output.textContent = withUnit(values[id], slider.unit);
      input.setAttribute("aria-valuetext", withUnit(values[id], slider.unit));
    }
    const settings = Object.entries({ ...spec.settings, ...values }).map(([k, v]) => `, ${k}=${v}`).join("");
    code.textContent = `models.load("${spec.model}").simulate(${spec.t_end}, points=${spec.points}${settings})`;
    try {
      now = run(values);
      status.textContent = "";
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
    reader.value = row;
    readAt.textContent = withUnit(short(times[row]), spec.time_unit);
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
    values = { ...values, ...model.get("parameters") };
    schedule();
  });
  new ResizeObserver(() => { if (now) { panels.forEach((p) => p.view.redraw()); mark(row); } }).observe(el);
  update();
}
