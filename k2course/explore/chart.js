// A small line chart in SVG. Colors and fonts come from explorer.css, so it follows the theme.
const SVG = "http://www.w3.org/2000/svg";

function node(name, attributes, parent, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

// Round tick positions from 0 or below `low` up to at least `high`.
function ticks(low, high, wanted = 5) {
  const raw = (high - low) / wanted || 1;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * [1, 2, 2.5, 5, 10].find((m) => m * unit >= raw * 0.999);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => +((first + i) * step).toPrecision(10));
}

const short = (value) =>
  value === 0 ? "0" : Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3
    ? value.toExponential(2) : String(+value.toPrecision(Math.abs(value) >= 1e4 ? 6 : 3));

// curves: [{label, color}]; returns draw(times, now, before) and mark(row), columns as arrays, of
// which `before` stays the same. evidence: [{time, value, low, high, label}], drawn as points with
// their intervals. Axes and all that hangs on them are made anew only where they change.
function chart(parent, { title, xLabel, yLabel, curves, evidence, onHover }) {
  const svg = node("svg", { class: "k2-chart", role: "img", "aria-label": title }, parent);
  const margin = { left: 52, right: 12, top: 12, bottom: 42 };
  const measured = evidence.flatMap((e) => [e.low ?? e.value, e.high ?? e.value]);
  let width = 0, row = 0, state, geometry, axes;

  function layout(yTicks) {
    const { times, before } = state;
    const height = Math.round(Math.min(320, Math.max(220, width * 0.6))); // as in explorer.css
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    margin.left = 31 + 7 * Math.max(3, ...yTicks.map((v) => short(v).length)); // room for the unit
    const xTicks = ticks(times[0], times[times.length - 1], width < 360 ? 4 : 6)
      .filter((x) => x <= times[times.length - 1]);
    const right = width - margin.right, bottom = height - margin.bottom;
    const x = (t) => margin.left + ((t - times[0]) / (times[times.length - 1] - times[0])) * (right - margin.left);
    const [low, high] = [yTicks[0], yTicks[yTicks.length - 1]];
    const y = (v) => bottom - ((v - low) / (high - low)) * (bottom - margin.top);
    const across = times.map((t) => `${x(t).toFixed(1)} `);
    const path = (column) => `M${across.map((at, i) => at + Math.round(10 * y(column[i])) / 10).join("L")}`;

    svg.replaceChildren();
    const grid = node("g", { class: "k2-axes" }, svg);
    for (const v of yTicks) {
      node("line", { x1: margin.left, x2: right, y1: y(v), y2: y(v) }, grid);
      node("text", { x: margin.left - 6, y: y(v) + 4, "text-anchor": "end" }, grid, short(v));
    }
    for (const t of xTicks) {
      node("line", { x1: x(t), x2: x(t), y1: bottom, y2: bottom + 4 }, grid);
      const anchor = x(t) > right - 12 ? "end" : "middle"; // the last one may not leave the picture
      node("text", { x: x(t), y: bottom + 17, "text-anchor": anchor }, grid, short(t));
    }
    node("text", { x: (margin.left + right) / 2, y: height - 6, "text-anchor": "middle" }, grid, xLabel);
    node("text", { transform: `translate(13 ${(margin.top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, grid, yLabel);
    curves.forEach(({ color }, i) => node("path", { class: `k2-line k2-before k2-c${color}`, d: path(before[i]) }, svg));
    const lines = curves.map(({ color }) => node("path", { class: `k2-line k2-c${color} k2-d${color}` }, svg));
    for (const e of evidence) {
      const mark = node("g", { class: "k2-evidence" }, svg);
      node("title", {}, mark, e.label);
      if (e.low !== undefined) node("line", { x1: x(e.time), x2: x(e.time), y1: y(e.low), y2: y(e.high) }, mark);
      node("rect", { x: x(e.time) - 4, y: y(e.value) - 4, width: 8, height: 8 }, mark);
    }
    const cross = node("g", { class: "k2-cross" }, svg);
    const rule = node("line", { y1: margin.top, y2: bottom }, cross);
    const dots = curves.map(({ color }) => node("circle", { class: `k2-c${color}`, r: 4 }, cross));
    geometry = { x, y, right, path, lines, rule, dots };
  }

  function draw() {
    let low = Math.min(0, ...measured), high = Math.max(1e-12, ...measured);
    for (const column of [...state.now, ...state.before]) {
      for (let i = 0; i < column.length; i++) {
        if (column[i] < low) low = column[i];
        else if (column[i] > high) high = column[i];
      }
    }
    const yTicks = ticks(low, high * 1.02);
    const needed = `${width} ${yTicks}`;
    if (axes !== needed) layout(yTicks);
    axes = needed;
    geometry.lines.forEach((line, i) => line.setAttribute("d", geometry.path(state.now[i])));
    place();
  }

  function place() {
    const { x, y, rule, dots } = geometry, at = x(state.times[row]);
    for (const end of ["x1", "x2"]) rule.setAttribute(end, at);
    dots.forEach((dot, i) => {
      dot.setAttribute("cx", at);
      dot.setAttribute("cy", y(state.now[i][row]));
    });
  }

  // Told the width by the browser: to ask for it would make the browser lay out the page at once.
  new ResizeObserver(([{ contentRect }]) => {
    const wide = Math.max(240, contentRect.width);
    if (wide === width) return;
    width = wide;
    if (state) draw();
  }).observe(parent);

  svg.addEventListener("pointermove", (event) => {
    if (!geometry) return;
    const box = svg.getBoundingClientRect();
    const px = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const { times } = state;
    const share = (px - margin.left) / (geometry.right - margin.left);
    onHover(Math.round(Math.min(1, Math.max(0, share)) * (times.length - 1)));
  });

  return {
    draw(times, now, before) {
      state = { times, now, before };
      if (width) draw();
    },
    mark(at) {
      row = at;
      if (geometry) place();
    },
  };
}
