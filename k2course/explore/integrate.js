// Dormand-Prince 5(4) with dense output (Hairer, Norsett & Wanner, Solving ODEs I, II.5-II.6).
// `model` comes from equations.py: init(p), rhs(t, y, p, dy), observe(t, y, p), events.
// The method's table is written out in the loops: most runs are over before a loop over tables
// would have been compiled.
const MAX_STEPS = 50000;

// One smooth stretch from t0 to t1; output(t, y) is called at each of `times` inside [t0, t1].
function stretch(model, p, y, t0, t1, times, output, tol) {
  const n = y.length;
  const vector = () => new Float64Array(n);
  const [k1, k2, k3, k4, k5, k6, k7] = Array.from({ length: 7 }, vector);
  const [stage, next] = [vector(), vector()];
  let t = t0, h = Math.min((t1 - t0) / 10, 0.1), i = 0;
  while (i < times.length && times[i] <= t0) output(times[i++], y);
  model.rhs(t, y, p, k1);
  for (let step = 0; t < t1; step++) {
    if (step === MAX_STEPS) throw new Error(`no solution beyond t = ${t.toPrecision(4)}`);
    if (t + h * 1.0001 > t1) h = t1 - t;
    for (let j = 0; j < n; j++) stage[j] = y[j] + h * 0.2 * k1[j];
    model.rhs(t + 0.2 * h, stage, p, k2);
    for (let j = 0; j < n; j++) stage[j] = y[j] + h * (3 / 40 * k1[j] + 9 / 40 * k2[j]);
    model.rhs(t + 0.3 * h, stage, p, k3);
    for (let j = 0; j < n; j++) stage[j] = y[j] + h * (44 / 45 * k1[j] - 56 / 15 * k2[j] + 32 / 9 * k3[j]);
    model.rhs(t + 0.8 * h, stage, p, k4);
    for (let j = 0; j < n; j++)
      stage[j] = y[j] + h * (19372 / 6561 * k1[j] - 25360 / 2187 * k2[j] + 64448 / 6561 * k3[j] - 212 / 729 * k4[j]);
    model.rhs(t + 8 / 9 * h, stage, p, k5);
    for (let j = 0; j < n; j++)
      stage[j] = y[j] + h * (9017 / 3168 * k1[j] - 355 / 33 * k2[j] + 46732 / 5247 * k3[j] + 49 / 176 * k4[j] - 5103 / 18656 * k5[j]);
    model.rhs(t + h, stage, p, k6);
    for (let j = 0; j < n; j++) // the last stage is the fifth-order solution
      next[j] = y[j] + h * (35 / 384 * k1[j] + 500 / 1113 * k3[j] + 125 / 192 * k4[j] - 2187 / 6784 * k5[j] + 11 / 84 * k6[j]);
    model.rhs(t + h, next, p, k7);
    let error = 0;
    for (let j = 0; j < n; j++) {
      const e = 71 / 57600 * k1[j] - 71 / 16695 * k3[j] + 71 / 1920 * k4[j] - 17253 / 339200 * k5[j] + 22 / 525 * k6[j] - k7[j] / 40;
      const scaled = (h * e) / (tol.abs + tol.rel * Math.max(Math.abs(y[j]), Math.abs(next[j])));
      error += scaled * scaled;
    }
    error = Math.sqrt(error / n);
    if (!Number.isFinite(error)) throw new Error(`not a number at t = ${t.toPrecision(4)}`);
    if (error <= 1) {
      for (; i < times.length && times[i] <= t + h; i++) {
        const x = (times[i] - t) / h;
        for (let j = 0; j < n; j++) {
          const dy = next[j] - y[j];
          const b = h * k1[j] - dy;
          const d = -12715105075 / 11282082432 * k1[j] + 87487479700 / 32700410799 * k3[j] - 10690763975 / 1880347072 * k4[j]
            + 701980252875 / 199316789632 * k5[j] - 1453857185 / 822651844 * k6[j] + 69997945 / 29380423 * k7[j];
          stage[j] = y[j] + x * (dy + (1 - x) * (b + x * (dy - h * k7[j] - b + (1 - x) * h * d)));
        }
        output(times[i], stage);
      }
      t = t1 - t - h < 1e-12 * t1 ? t1 : t + h;
      y.set(next);
      k1.set(k7);
    }
    h *= Math.min(5, Math.max(0.2, 0.9 * Math.max(error, 1e-10) ** -0.2));
  }
  while (i < times.length && times[i] <= t1) output(times[i++], y);
}

// Values of every variable at `times` (ascending, from 0): an array of columns.
function solve(model, parameters, times) {
  const p = { ...parameters };
  const y = Float64Array.from(model.init(p));
  const advance = model.jac ? stiffStretch : stretch; // see rodas.js
  // Both keep curves within 4e-6 of their peak, the implicit one within 4e-7: its models are smooth.
  const tol = { rel: model.jac ? 1e-7 : 1e-8, abs: 1e-12 };
  const end = times[times.length - 1];
  const columns = model.variables.map(() => new Float64Array(times.length));
  let row = 0;
  const output = (t, state) => {
    const values = model.observe(t, state, p);
    for (let j = 0; j < values.length; j++) columns[j][row] = values[j];
    row++;
  };
  for (let t = 0; ; ) {
    const due = model.events
      .map((event) => [event.at(t, y, p), event])
      .filter(([at, event]) => at >= t && at <= end && event.when(t, y, p));
    const stop = Math.min(end, ...due.map(([at]) => at));
    const rest = times.slice(row).filter((x) => (due.length ? x < stop : x <= stop));
    if (stop > t) advance(model, p, y, t, stop, rest, output, tol);
    t = stop;
    if (!due.length) break;
    due.filter(([at]) => at === stop).forEach(([, event]) => event.fire(t, y, p));
  }
  while (row < times.length) output(times[row], y);
  return columns;
}
