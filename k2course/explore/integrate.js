// Dormand-Prince 5(4) with dense output (Hairer, Norsett & Wanner, Solving ODEs I, II.5-II.6).
// `model` comes from equations.py: init(p), rhs(t, y, p, dy), observe(t, y, p), events.
const C = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1];
const A = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
const E = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];
const D = [
  -12715105075 / 11282082432, 0, 87487479700 / 32700410799, -10690763975 / 1880347072,
  701980252875 / 199316789632, -1453857185 / 822651844, 69997945 / 29380423,
];
const MAX_STEPS = 50000;

// One smooth stretch from t0 to t1; output(t, y) is called at each of `times` inside [t0, t1].
function stretch(model, p, y, t0, t1, times, output, tol) {
  const n = y.length;
  const k = A.map(() => new Float64Array(n));
  const stage = new Float64Array(n);
  const next = new Float64Array(n);
  let t = t0, h = Math.min((t1 - t0) / 10, 0.1), i = 0;
  while (i < times.length && times[i] <= t0) output(times[i++], y);
  model.rhs(t, y, p, k[0]);
  for (let step = 0; t < t1; step++) {
    if (step === MAX_STEPS) throw new Error(`no solution beyond t = ${t.toPrecision(4)}`);
    if (t + h * 1.0001 > t1) h = t1 - t;
    for (let s = 1; s < 7; s++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let m = 0; m < s; m++) sum += A[s][m] * k[m][j];
        stage[j] = y[j] + h * sum;
      }
      model.rhs(t + C[s] * h, stage, p, k[s]);
    }
    next.set(stage); // the last stage is the fifth-order solution
    let error = 0;
    for (let j = 0; j < n; j++) {
      let e = 0;
      for (let m = 0; m < 7; m++) e += E[m] * k[m][j];
      error += ((h * e) / (tol.abs + tol.rel * Math.max(Math.abs(y[j]), Math.abs(next[j])))) ** 2;
    }
    error = Math.sqrt(error / n);
    if (!Number.isFinite(error)) throw new Error(`not a number at t = ${t.toPrecision(4)}`);
    if (error <= 1) {
      for (; i < times.length && times[i] <= t + h; i++) {
        const x = (times[i] - t) / h;
        for (let j = 0; j < n; j++) {
          const dy = next[j] - y[j];
          const b = h * k[0][j] - dy;
          let d = 0;
          for (let m = 0; m < 7; m++) d += D[m] * k[m][j];
          stage[j] = y[j] + x * (dy + (1 - x) * (b + x * (dy - h * k[6][j] - b + (1 - x) * h * d)));
        }
        output(times[i], stage);
      }
      t = t1 - t - h < 1e-12 * t1 ? t1 : t + h;
      y.set(next);
      k[0].set(k[6]);
    }
    h *= Math.min(5, Math.max(0.2, 0.9 * Math.max(error, 1e-10) ** -0.2));
  }
  while (i < times.length && times[i] <= t1) output(times[i++], y);
}

// Values of every variable at `times` (ascending, from 0): an array of columns.
function solve(model, parameters, times, tol = { rel: 1e-8, abs: 1e-12 }) {
  const p = { ...parameters };
  const y = Float64Array.from(model.init(p));
  const advance = model.jac ? stiffStretch : stretch; // see rodas.js
  const end = times[times.length - 1];
  const columns = model.variables.map(() => new Float64Array(times.length));
  let row = 0;
  const output = (t, state) => {
    model.observe(t, state, p).forEach((value, j) => (columns[j][row] = value));
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
