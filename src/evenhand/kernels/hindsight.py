"""OPT of a horizon by a primal-dual interior point method whose linear algebra knows the chain (`kernels/blocks.py`).

    minimise    sum_t  q_t x_t^2 / 2 + c_t x_t  +  rho d_t^2 / 2 + up max(d_t, 0) + down max(-d_t, 0)  +  T e . a
    subject to  lower <= x <= upper,  low_t <= row_t . x_t <= high_t,  -fall <= d_t <= rise,  d_t = x_t - x_{t-1},
                offset - on_y y - on_a a >= 0,   T y = sum_t A_t x_t.

Mehrotra's predictor and corrector on all pairs (slack, multiplier): those of one action, (T, n), those of the rows,
(T,), those of the fairness cost. A priced move is d = p - q, p, q >= 0. In every step pairs and priced moves are
eliminated to numbers on the diagonal; the small program of the fairness cost, which couples all rounds, is solved with
the burdens' response to its prices. What is left of an equation is carried along, not computed anew from the iterates:
differences of large numbers, times the steep weights of the last steps, would cost the multipliers their digits.
Slacks that can start exact stay exact, all else shrinks by 1 - alpha with every step. Source: spec/online.md §1, §3,
§9; S. Mehrotra, On the implementation of a primal-dual interior point method, SIAM J. Optim. 2 (1992).
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false
from __future__ import annotations

import numpy as np

from evenhand.kernels import pairs
from evenhand.kernels.blocks import LIMIT, borne, factor, many, one, residual
from evenhand.kernels.gufunc import entry

__all__ = ["hindsight"]

_APART = 1e30
_REFINED = 4  # how often a direction is refined, at most
_HOLD = 1e-9  # curvature of a step where nothing else holds it: it vanishes with the step, the answer does not know it
_INF = np.inf


@entry(
    "Tuple((f8[:,::1],f8[::1],f8[:,::1],f8[:,::1],i8,f8,f8))(f8[:,::1],f8[:,::1],f8[::1],f8[::1],f8[::1],f8[:,::1],"
    "f8[:,::1],f8[::1],f8[:,::1],f8[:,::1],f8[:,::1],f8[::1],f8[::1],i8[::1],b1[:,::1],f8[:,::1],f8[:,:,::1],b1,"
    "f8[::1],f8[:,::1],f8[:,::1],f8[::1],f8,i8)"
)
def hindsight(
    q,
    c,
    rho,
    up,
    down,
    rise,
    fall,
    first,
    lower,
    upper,
    row,
    low,
    high,
    kind,
    pinned,
    x,
    impact,
    diagonal,
    e,
    on_y,
    on_a,
    offset,
    tolerance,
    most,
):
    """x, y's price kappa, what moves are pushed with, what limits hold them with, iterations, gap and residual left.

    (T, n): q, c, rise, fall (inf where nothing limits), lower, upper, row, pinned, x, a start within the bounds and
    rows, strictly but where pinned. (n,): rho, up, down, first. (T,): low, high, kind. impact (T, m, n), or (T, 1, n)
    diagonal. e (k,), on_y (h, m), on_a (h, k), offset (h,). tolerance: of the gap per round and of what is left of the
    equations, at most ``most`` steps.
    """
    T, n = x.shape
    m = on_y.shape[1]
    h, k = on_a.shape
    size = T * n
    priced = False
    limited = False
    for i in range(n):
        priced = priced or up[i] + down[i] > 0.0
    for t in range(T):
        for i in range(n):
            limited = limited or rise[t, i] < _INF or fall[t, i] < _INF
    at_limits = 4 if priced else 2
    groups = at_limits + (2 if limited else 0)
    S = np.full((groups, T, n), _INF)
    Z = np.zeros((groups, T, n))
    DS = np.zeros((groups, T, n))
    DZ = np.zeros((groups, T, n))
    TT = np.zeros((groups, T, n))
    RS = np.full((2, T), _INF)
    RZ = np.zeros((2, T))
    RDS = np.zeros((2, T))
    RDZ = np.zeros((2, T))
    RT = np.zeros((2, T))
    push = np.zeros((T, n))  # multiplier of d = p - q
    missed = np.zeros((2, T, n))  # by how much the slacks of limits are not rise - d, d + fall
    # --- start
    for t in range(T):
        for i in range(n):
            if not pinned[t, i]:
                if lower[t, i] > -_INF:
                    S[0, t, i] = x[t, i] - lower[t, i]
                    Z[0, t, i] = 1.0 / S[0, t, i]
                if upper[t, i] < _INF:
                    S[1, t, i] = upper[t, i] - x[t, i]
                    Z[1, t, i] = 1.0 / S[1, t, i]
            d = x[t, i] - (x[t - 1, i] if t > 0 else first[i])
            if priced and up[i] + down[i] > 0.0:
                both = up[i] + down[i]
                push[t, i] = 0.5 * (up[i] - down[i])
                S[2, t, i] = max(d, 0.0) + 1.0
                S[3, t, i] = max(-d, 0.0) + 1.0
                Z[2, t, i] = 0.5 * both
                Z[3, t, i] = 0.5 * both
            if limited:
                if rise[t, i] < _INF:
                    S[at_limits, t, i] = max(rise[t, i] - d, 0.1)
                    Z[at_limits, t, i] = 1.0 / S[at_limits, t, i]
                    missed[0, t, i] = rise[t, i] - d - S[at_limits, t, i]
                if fall[t, i] < _INF:
                    S[at_limits + 1, t, i] = max(fall[t, i] + d, 0.1)
                    Z[at_limits + 1, t, i] = 1.0 / S[at_limits + 1, t, i]
                    missed[1, t, i] = fall[t, i] + d - S[at_limits + 1, t, i]
        if kind[t] == LIMIT:
            value = 0.0
            for i in range(n):
                value += row[t, i] * x[t, i]
            if high[t] < _INF:
                RS[0, t] = high[t] - value
                RZ[0, t] = 1.0 / RS[0, t]
            if low[t] > -_INF:
                RS[1, t] = value - low[t]
                RZ[1, t] = 1.0 / RS[1, t]
    y = np.zeros(m)
    borne(impact, diagonal, x, y)
    y /= T
    free = offset - on_y @ y  # a starts at 0
    bs = np.maximum(free, 1.0)
    free = free - bs
    bz = np.full(h, float(T)) / bs
    bt = np.zeros(h)
    bds = np.zeros(h)
    bdz = np.zeros(h)
    kappa = on_y.T @ bz / T
    # --- scratch
    open_ = np.empty((T, n, n))
    out = np.empty((T, n, m))
    bend = np.empty((T, n))
    link = np.empty((T, n))
    sigma = np.zeros(T)
    right = np.empty((T, n))
    dx = np.empty((T, n))
    more = np.empty((T, n))
    dy = np.zeros(m)
    reach = np.zeros(m)
    border = np.zeros((h + k, h + k))
    wanted = np.zeros(h + k)
    found = np.zeros(h + k)
    force = np.empty((T, n))
    coupling = np.empty((m, m))
    left = 1.0
    gap = _INF
    steps = 0
    S1 = S.reshape(groups * size)
    Z1 = Z.reshape(groups * size)
    DS1 = DS.reshape(groups * size)
    DZ1 = DZ.reshape(groups * size)
    TT1 = TT.reshape(groups * size)
    R1 = RS.reshape(2 * T)
    RZ1 = RZ.reshape(2 * T)
    RDS1 = RDS.reshape(2 * T)
    RDZ1 = RDZ.reshape(2 * T)
    RT1 = RT.reshape(2 * T)
    for step in range(most):
        gap, count = pairs.product(S1, Z1)
        value, number = pairs.product(R1, RZ1)
        gap += value
        count += number
        value, number = pairs.product(bs, bz)
        gap += value
        count += number
        if gap <= tolerance * T and left <= tolerance:
            break
        if count == 0:
            count = 1
        mu = gap / count
        steps = step + 1
        # --- what is on the diagonal
        for t in range(T):
            for i in range(n):
                bend[t, i] = q[t, i] + _HOLD + Z[0, t, i] / S[0, t, i] + Z[1, t, i] / S[1, t, i]
                w = rho[i]
                if priced and up[i] + down[i] > 0.0:
                    w += 1.0 / (S[2, t, i] / Z[2, t, i] + S[3, t, i] / Z[3, t, i])
                if limited:
                    w += Z[at_limits, t, i] / S[at_limits, t, i] + Z[at_limits + 1, t, i] / S[at_limits + 1, t, i]
                link[t, i] = w
            sigma[t] = RZ[0, t] / RS[0, t] + RZ[1, t] / RS[1, t]
        if not factor(bend, link, row, kind, sigma, pinned, open_):
            break
        many(open_, link, impact, diagonal, out)
        for j in range(m):
            for col in range(m):
                coupling[j, col] = 0.0
        for t in range(T):
            if diagonal:
                for j in range(m):
                    for col in range(m):
                        coupling[j, col] -= impact[t, 0, j] * out[t, j, col]
            else:
                for j in range(m):
                    for i in range(n):
                        for col in range(m):
                            coupling[j, col] -= impact[t, j, i] * out[t, i, col]
        # the fairness cost's own equations, in its multipliers and auxiliaries: eliminating further would cancel
        border[:] = 0.0
        spread = on_y @ coupling @ on_y.T / (T * T)
        for r in range(h):
            for col in range(h):
                border[r, col] = spread[r, col]
            border[r, r] += bs[r] / bz[r]
            for col in range(k):
                border[r, h + col] = -on_a[r, col]
                border[h + col, r] = -on_a[r, col]
        solved = np.linalg.inv(border)
        # --- predictor, then corrector
        alpha = 1.0
        for turn in range(2):
            center = 0.0
            if turn == 0:
                TT1[:] = 0.0
                RT1[:] = 0.0
                bt[:] = 0.0
            else:
                after = pairs.ahead(S1, Z1, DS1, DZ1, alpha) + pairs.ahead(R1, RZ1, RDS1, RDZ1, alpha)
                after += pairs.ahead(bs, bz, bds, bdz, alpha)
                center = mu * min(1.0, max(after / gap, 0.0)) ** 3
                pairs.target(S1, Z1, DS1, DZ1, center, TT1)
                pairs.target(R1, RZ1, RDS1, RDZ1, center, RT1)
                pairs.target(bs, bz, bds, bdz, center, bt)
            for t in range(T):
                for i in range(n):
                    right[t, i] = q[t, i] * x[t, i] + c[t, i] - TT[0, t, i] / S[0, t, i] + TT[1, t, i] / S[1, t, i]
                    d = x[t, i] - (x[t - 1, i] if t > 0 else first[i])
                    value = rho[i] * d
                    if priced and up[i] + down[i] > 0.0:
                        ahead = TT[2, t, i] / Z[2, t, i] - S[2, t, i]
                        back = TT[3, t, i] / Z[3, t, i] - S[3, t, i]
                        value += push[t, i] - (ahead - back) / (S[2, t, i] / Z[2, t, i] + S[3, t, i] / Z[3, t, i])
                    if limited:
                        for g in range(2):
                            s = S[at_limits + g, t, i]
                            if s < _INF:
                                sign = 1.0 - 2.0 * g
                                value += sign * (TT[at_limits + g, t, i] - Z[at_limits + g, t, i] * missed[g, t, i]) / s
                    force[t, i] = value
                extra = 0.0
                if kind[t] == LIMIT:
                    extra = RT[0, t] / RS[0, t] - RT[1, t] / RS[1, t]
                if extra != 0.0:
                    for i in range(n):
                        right[t, i] += extra * row[t, i]
            for t in range(T):
                for i in range(n):
                    right[t, i] += force[t, i] - (force[t + 1, i] if t + 1 < T else 0.0)
                for j in range(m):
                    if diagonal:
                        right[t, j] += impact[t, 0, j] * kappa[j]
                    else:
                        for i in range(n):
                            right[t, i] += impact[t, j, i] * kappa[j]
            wanted[:h] = bt / bz - bs - free
            wanted[h:] = T * e + on_a.T @ bz
            found[:] = 0.0
            dx[:] = 0.0
            dy[:] = 0.0
            for aopen_ in range(1 if turn == 0 else _REFINED):
                # the factors are exact to a few digits at the end, where some numbers are 1e20 times others
                residual(bend, link, row, kind, sigma, pinned, right, dx, force)
                one(open_, link, force, more)
                reach[:] = 0.0
                borne(impact, diagonal, more, reach)
                now = wanted - border @ found
                now[:h] += spread @ found[:h] + on_y @ (dy + reach / T)
                step_of = solved @ now
                change = on_y.T @ step_of[:h] / T
                found += step_of
                largest = 0.0
                moved = 0.0
                for t in range(T):
                    for i in range(n):
                        value = more[t, i]
                        for j in range(m):
                            value += out[t, i, j] * change[j]
                        dx[t, i] += value
                        moved = max(moved, abs(value))
                        largest = max(largest, abs(dx[t, i]))
                    for j in range(m):
                        if diagonal:
                            right[t, j] += impact[t, 0, j] * change[j]
                        else:
                            for i in range(n):
                                right[t, i] += impact[t, j, i] * change[j]
                dy[:] = 0.0
                borne(impact, diagonal, dx, dy)
                dy /= T
                if aopen_ > 0 and moved <= 1e-10 * largest:
                    break
            # --- the direction of everything else
            bdz[:] = found[:h]
            bds[:] = (bt - bs * bdz) / bz - bs
            for t in range(T):
                along = 0.0
                for i in range(n):
                    step_x = dx[t, i]
                    along += row[t, i] * step_x
                    DS[0, t, i] = step_x
                    DZ[0, t, i] = TT[0, t, i] / S[0, t, i] - Z[0, t, i] - Z[0, t, i] / S[0, t, i] * step_x
                    DS[1, t, i] = -step_x
                    DZ[1, t, i] = TT[1, t, i] / S[1, t, i] - Z[1, t, i] + Z[1, t, i] / S[1, t, i] * step_x
                    move = step_x - (dx[t - 1, i] if t > 0 else 0.0)
                    if priced and up[i] + down[i] > 0.0:
                        one_way = S[2, t, i] / Z[2, t, i]
                        other = S[3, t, i] / Z[3, t, i]
                        ahead = TT[2, t, i] / Z[2, t, i] - S[2, t, i]
                        back = TT[3, t, i] / Z[3, t, i] - S[3, t, i]
                        pull = (move - ahead + back) / (one_way + other)
                        DS[2, t, i] = ahead + one_way * pull
                        DS[3, t, i] = back - other * pull
                        DZ[2, t, i] = -pull
                        DZ[3, t, i] = pull
                    if limited:
                        for g in range(2):
                            s = S[at_limits + g, t, i]
                            if s < _INF:
                                z = Z[at_limits + g, t, i]
                                ds = missed[g, t, i] - (move if g == 0 else -move)
                                DS[at_limits + g, t, i] = ds
                                DZ[at_limits + g, t, i] = TT[at_limits + g, t, i] / s - z - z / s * ds
                if kind[t] == LIMIT:
                    RDS[0, t] = -along
                    RDS[1, t] = along
                    for g in range(2):
                        if RS[g, t] < _INF:
                            RDZ[g, t] = RT[g, t] / RS[g, t] - RZ[g, t] - RZ[g, t] / RS[g, t] * RDS[g, t]
            longest = 1.0 / 0.995
            longest = pairs.longest(S1, DS1, longest)
            longest = pairs.longest(Z1, DZ1, longest)
            longest = pairs.longest(R1, RDS1, longest)
            longest = pairs.longest(RZ1, RDZ1, longest)
            longest = pairs.longest(bs, bds, longest)
            longest = pairs.longest(bz, bdz, longest)
            alpha = min(1.0, longest) if turn == 0 else min(1.0, 0.995 * longest)
        # --- the step
        for i in range(groups * size):
            if Z1[i] > 0.0:
                S1[i] += alpha * DS1[i]
                Z1[i] += alpha * DZ1[i]
        for i in range(2 * T):
            if RZ1[i] > 0.0:
                R1[i] += alpha * RDS1[i]
                RZ1[i] += alpha * RDZ1[i]
        for t in range(T):
            for i in range(n):
                x[t, i] += alpha * dx[t, i]
                if priced and up[i] + down[i] > 0.0:
                    push[t, i] -= alpha * DZ[2, t, i]
        bs += alpha * bds
        bz += alpha * bdz
        kappa += alpha * (on_y.T @ bdz) / T
        missed *= 1.0 - alpha
        free *= 1.0 - alpha
        left *= 1.0 - alpha
        if alpha < 1e-8:
            break
    force[:] = 0.0
    if limited:
        for t in range(T):
            for i in range(n):
                force[t, i] = Z[at_limits, t, i] - Z[at_limits + 1, t, i]
    return x, kappa, push, force, steps, gap, left
