// The intake calculator: portions to ranges of vitamin K a day.
function renderIntake({ model, el }) {
  const spec = model.get("spec"), uid = `k2-${++instances}`;
  let values = { ...model.get("parameters") };
  const inputs = new Map();
  const controls = spec.sliders.map((slider, i) => {
    const output = h("output", { for: `${uid}-${i}` });
    const input = h("input", {
      type: "range", id: `${uid}-${i}`, name: slider.id, min: slider.low, max: slider.high, step: slider.step,
      oninput: () => set({ ...values, [slider.id]: Number(input.value) }),
    });
    inputs.set(slider.id, { input, output });
    return h("div", { class: "k2-slider" }, h("label", { for: input.id }, slider.id), output, input,
      h("small", {}, slider.markets));
  });
  const rows = Object.entries(spec.sums).map(([key, label]) => {
    const bar = h("span", { class: "k2-bar" }), value = h("span", { class: "k2-value" });
    const mark = key === "K1" && spec.reference ? h("span", { class: "k2-mark" }) : "";
    return { key, bar, value, mark, box: h("div", { class: "k2-sum" }, h("span", {}, label), value, h("div", { class: "k2-track" }, bar, mark)) };
  });
  const note = spec.reference ? `The line marks ${spec.reference} µg/day of K1.` : "";
  const status = h("p", { class: "k2-status", role: "status" });
  status.textContent = model.get("message") ?? "";
  el.replaceChildren(h("div", { class: "k2-title" }, spec.title),
    h("div", { class: "k2-body" },
      h("div", { class: "k2-controls" }, ...controls,
        h("div", { class: "k2-buttons" }, h("button", { type: "button", onclick: () => set(Object.fromEntries(spec.sliders.map((s) => [s.id, 0]))) }, "Nothing"),
          h("button", { type: "button", onclick: () => set({ ...spec.defaults }) }, "Reset"))),
      h("div", { class: "k2-sums", "aria-live": "polite" }, ...rows.map((r) => r.box), h("p", { class: "k2-status" }, note))),
    status);
  el.classList.add("k2-live");
  keepArrows(el);

  function set(next) {
    values = next;
    model.set("parameters", values);
    model.save_changes();
    update();
  }

  function update() {
    for (const [id, { input, output }] of inputs) {
      input.value = values[id];
      output.textContent = `${values[id]} g/day`;
      input.setAttribute("aria-valuetext", output.textContent);
    }
    const day = rows.map(({ key }) => [0, 1].map((end) =>
      spec.sliders.reduce((sum, s) => sum + (values[s.id] / 100) * (s.content[key]?.[end] ?? 0), 0)));
    const top = Math.max(spec.reference ?? 0, ...day.flat(), 1) * 1.05;
    rows.forEach(({ bar, value, mark }, i) => {
      const [low, high] = day[i];
      bar.style.left = `${(100 * low) / top}%`;
      bar.style.width = `${Math.max((100 * (high - low)) / top, 0.6)}%`;
      if (mark) mark.style.left = `${(100 * spec.reference) / top}%`;
      value.textContent = low === high ? `${short(low)} µg/day` : `${short(low)} to ${short(high)} µg/day`;
    });
  }

  model.on("change:parameters", () => { values = { ...values, ...model.get("parameters") }; update(); });
  update();
}
