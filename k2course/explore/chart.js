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

// curves: [{label, color}]; returns draw(times, now, before) and mark(row), columns as arrays.
// evidence: [{time, value, low, high, label}], drawn as points with their intervals.
function chart(parent, { title, xLabel, yLabel, curves, evidence, onHover }) {
  const svg = node("svg", { class: "k2-chart", role: "img", "aria-label": title }, parent);
  const margin = { left: 52, right: 12, top: 12, bottom: 42 };
  let state, geometry;

  function layout() {
    const width = Math.max(240, parent.clientWidth || 420);
    const height = Math.round(Math.min(320, Math.max(220, width * 0.6)));
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    const { times, now, before } = state;
    const values = [...now, ...before].flatMap((column) => [Math.min(...column), Math.max(...column)]);
    values.push(...evidence.flatMap((e) => [e.low ?? e.value, e.high ?? e.value]));
    const top = Math.max(...values, 1e-12);
    const yTicks = ticks(Math.min(0, ...values), top * 1.02);
    margin.left = 31 + 7 * Math.max(3, ...yTicks.map((v) => short(v).length)); // room for the unit
    const xTicks = ticks(times[0], times[times.length - 1], width < 360 ? 4 : 6)
      .filter((x) => x <= times[times.length - 1]);
    const right = width - margin.right, bottom = height - margin.bottom;
    const x = (t) => margin.left + ((t - times[0]) / (times[times.length - 1] - times[0])) * (right - margin.left);
    const [low, high] = [yTicks[0], yTicks[yTicks.length - 1]];
    const y = (v) => bottom - ((v - low) / (high - low)) * (bottom - margin.top);
    geometry = { x, y, right, bottom };

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
    const path = (column) => "M" + Array.from(column, (v, i) => `${x(times[i]).toFixed(1)} ${y(v).toFixed(1)}`).join("L");
    curves.forEach((curve, i) => {
      node("path", { class: `k2-line k2-before k2-c${curve.color}`, d: path(before[i]) }, svg);
    });
    curves.forEach((curve, i) => {
      node("path", { class: `k2-line k2-c${curve.color} k2-d${curve.color}`, d: path(now[i]) }, svg);
    });
    for (const e of evidence) {
      const mark = node("g", { class: "k2-evidence" }, svg);
      node("title", {}, mark, e.label);
      if (e.low !== undefined) node("line", { x1: x(e.time), x2: x(e.time), y1: y(e.low), y2: y(e.high) }, mark);
      node("rect", { x: x(e.time) - 4, y: y(e.value) - 4, width: 8, height: 8 }, mark);
    }
    geometry.cross = node("g", { class: "k2-cross" }, svg);
  }

  svg.addEventListener("pointermove", (event) => {
    if (!state) return;
    const box = svg.getBoundingClientRect();
    const px = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const { times } = state;
    const share = (px - margin.left) / (geometry.right - margin.left);
    onHover(Math.round(Math.min(1, Math.max(0, share)) * (times.length - 1)));
  });

  return {
    draw(times, now, before) {
      state = { times, now, before };
      layout();
    },
    mark(row) {
      const { x, y, bottom, cross } = geometry;
      const at = x(state.times[row]);
      cross.replaceChildren();
      node("line", { x1: at, x2: at, y1: margin.top, y2: bottom }, cross);
      curves.forEach((curve, i) =>
        node("circle", { class: `k2-c${curve.color}`, cx: at, cy: y(state.now[i][row]), r: 4 }, cross));
    },
    redraw: () => state && layout(),
  };
}
