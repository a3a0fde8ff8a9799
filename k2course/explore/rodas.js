// RODAS, the stiffly accurate Rosenbrock method of order 4(3) with dense output (Hairer & Wanner,
// Solving ODEs II, IV.7). `model.jac(t, y, p, out)` writes the Jacobian row by row.
const RODAS = {
  gamma: 0.25,
  a: [
    [], [1.544], [0.9466785280815826, 0.2557011698983284],
    [3.314825187068521, 2.896124015972201, 0.9986419139977817],
    [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.687886036105895],
  ],
  c: [
    [], [-5.6688], [-2.430093356833875, -0.2063599157091915],
    [-0.1073529058151375, -9.594562251023355, -20.47028614809616],
    [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.7089089320616],
    [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054],
  ],
  t: [0, 0.386, 0.21, 0.63, 1, 1],
  d: [0.25, -0.1043, 0.1035, -0.0362, 0, 0],
  dense: [
    [10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823, 1.025137723295662],
    [-0.6762803392806898, 6.087714651680015, 16.43084320892478, 24.76722511418386, -6.594389125716872],
  ],
};

function add(sum, weight, vector) {
  for (let j = 0; j < sum.length; j++) sum[j] += weight * vector[j];
}

// LU decomposition in place with partial pivoting; returns the row order.
function decompose(m, n) {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(m[i][k]) > Math.abs(m[best][k])) best = i;
    const pivot = m[best], place = order[best];
    m[best] = m[k], order[best] = order[k], m[k] = pivot, order[k] = place;
    for (let i = k + 1; i < n; i++) {
      const row = m[i];
      if (row[k] === 0) continue; // most are
      const factor = (row[k] /= pivot[k]);
      for (let j = k + 1; j < n; j++) row[j] -= factor * pivot[j];
    }
  }
  return order;
}

function backsolve(m, order, b, x) {
  const n = x.length;
  for (let i = 0; i < n; i++) {
    const row = m[i];
    let sum = b[order[i]];
    for (let j = 0; j < i; j++) sum -= row[j] * x[j];
    x[i] = sum;
  }
  for (let i = n - 1; i >= 0; i--) {
    const row = m[i];
    let sum = x[i];
    for (let j = i + 1; j < n; j++) sum -= row[j] * x[j];
    x[i] = sum / row[i];
  }
}

// One smooth stretch, with the same arguments as the explicit method's `stretch`.
function stiffStretch(model, p, y, t0, t1, times, output, tol) {
  const n = y.length, { gamma, a, c, d, dense } = RODAS;
  const vector = () => new Float64Array(n);
  const k = Array.from({ length: 6 }, vector);
  const jac = Array.from({ length: n }, vector), matrix = Array.from({ length: n }, vector);
  const [f, start, slope, stage, right] = [vector(), vector(), vector(), vector(), vector()];
  let t = t0, h = (t1 - t0) * 1e-6, i = 0, fresh = true, rejected = false;
  while (i < times.length && times[i] <= t0) output(times[i++], y);
  for (let step = 0; t < t1; step++) {
    if (step === MAX_STEPS) throw new Error(`no solution beyond t = ${t.toPrecision(4)}`);
    if (t + h * 1.0001 > t1) h = t1 - t;
    if (fresh) {
      model.rhs(t, y, p, start);
      model.jac(t, y, p, jac);
      const dt = Math.max(1e-8 * Math.abs(t), 1e-10 * (t1 - t0));
      model.rhs(t + dt, y, p, slope);
      for (let j = 0; j < n; j++) slope[j] = (slope[j] - start[j]) / dt;
    }
    for (let r = 0; r < n; r++) {
      for (let j = 0; j < n; j++) matrix[r][j] = -jac[r][j];
      matrix[r][r] += 1 / (h * gamma);
    }
    const order = decompose(matrix, n);
    for (let s = 0; s < 6; s++) {
      if (s < 5) {
        stage.set(y);
        for (let m = 0; m < s; m++) add(stage, a[s][m], k[m]);
      } else add(stage, 1, k[4]);
      if (s) model.rhs(t + RODAS.t[s] * h, stage, p, f);
      right.set(s ? f : start);
      add(right, h * d[s], slope);
      for (let m = 0; m < s; m++) add(right, c[s][m] / h, k[m]);
      backsolve(matrix, order, right, k[s]);
    }
    let error = 0;
    for (let j = 0; j < n; j++) {
      stage[j] += k[5][j];
      const scaled = k[5][j] / (tol.abs + tol.rel * Math.max(Math.abs(y[j]), Math.abs(stage[j])));
      error += scaled * scaled;
    }
    error = Math.sqrt(error / n);
    fresh = error <= 1;
    if (fresh) {
      for (; i < times.length && times[i] <= t + h; i++) {
        const x = (times[i] - t) / h;
        for (let j = 0; j < n; j++) {
          let u = 0, v = 0;
          for (let m = 0; m < 5; m++) u += dense[0][m] * k[m][j], v += dense[1][m] * k[m][j];
          f[j] = y[j] * (1 - x) + x * (stage[j] + (1 - x) * (u + x * v));
        }
        output(times[i], f);
      }
      t = t1 - t - h < 1e-12 * t1 ? t1 : t + h;
      y.set(stage);
    }
    const factor = Number.isFinite(error) ? 0.9 * Math.max(error, 1e-8) ** -0.25 : 0.1;
    h *= Math.min(fresh && rejected ? 1 : 6, Math.max(0.1, factor));
    rejected = !fresh;
    if (t < t1 && t + h === t) throw new Error(`no solution beyond t = ${t.toPrecision(4)}`);
  }
  while (i < times.length && times[i] <= t1) output(times[i++], y);
}
