// Where the states of a definition stand: pure arithmetic, no document.
//
// States stand in rows by their longest way from the start, so that every forward transition points down. A
// transition that skips a row runs in a lane of its own to the right, one that goes back in a lane to the left.
// States that only a Catch leads to stand to the right of the main line, which stays straight.

export const size = { width: 172, height: 46, head: 46, gapX: 18, gapY: 30, pad: 12, lane: 14, dot: 7 };

/** All transitions of a state: `{to, kind}` with kind `next`, `choice` or `catch`. */
export function transitions(state) {
  const list = [];
  if (typeof state.Next === "string") list.push({ to: state.Next, kind: "next" });
  for (const choice of state.Choices ?? []) list.push({ to: choice.Next, kind: "choice" });
  if (typeof state.Default === "string") list.push({ to: state.Default, kind: "choice" });
  for (const catcher of state.Catch ?? []) list.push({ to: catcher.Next, kind: "catch" });
  const seen = new Set();
  return list.filter(({ to }) => typeof to === "string" && !seen.has(to) && seen.add(to));
}

export function isTerminal(state) {
  return state.End === true || state.Type === "Succeed" || state.Type === "Fail";
}

/** Machines inside a state, each with the path segment that its entries carry; `*` stands for any item of a Map. */
function inner(name, state) {
  if (state.Type === "Parallel") return (state.Branches ?? []).map((machine, index) => ({ machine, segment: `${name}[${index}]` }));
  const processor = state.ItemProcessor ?? state.Iterator;
  return state.Type === "Map" && processor ? [{ machine: processor, segment: `${name}[*]` }] : [];
}

function rank(machine) {
  const names = Object.keys(machine.States);
  const order = [];
  const mark = new Map();
  const back = new Set();
  const visit = (name) => {
    mark.set(name, "open");
    for (const { to } of transitions(machine.States[name])) {
      if (!machine.States[to]) continue;
      if (mark.get(to) === "open") back.add(`${name}\n${to}`);
      else if (!mark.has(to)) visit(to);
    }
    mark.set(name, "done");
    order.unshift(name);
  };
  for (const name of [machine.StartAt, ...names]) if (machine.States[name] && !mark.has(name)) visit(name);
  const ranks = new Map(order.map((name) => [name, 0]));
  for (const name of order) {
    for (const { to } of transitions(machine.States[name])) {
      if (machine.States[to] && !back.has(`${name}\n${to}`)) ranks.set(to, Math.max(ranks.get(to), ranks.get(name) + 1));
    }
  }
  return { order, ranks, back };
}

/** States that cannot be reached without an error. */
function asides(machine) {
  const reached = new Set();
  const visit = (name) => {
    if (reached.has(name) || !machine.States[name]) return;
    reached.add(name);
    for (const { to, kind } of transitions(machine.States[name])) if (kind !== "catch") visit(to);
  };
  visit(machine.StartAt);
  return new Set(Object.keys(machine.States).filter((name) => !reached.has(name)));
}

function box(name, state, path) {
  const parts = inner(name, state).map(({ machine, segment }) => place(machine, path ? `${path}/${segment}` : segment));
  if (parts.length === 0) return { width: size.width, height: size.height, parts };
  const width = parts.reduce((sum, part) => sum + part.width, 0) + size.gapX * (parts.length - 1) + size.pad * 2;
  return {
    width: Math.max(width, size.width + size.pad * 2),
    height: size.head + Math.max(...parts.map((part) => part.height)) + size.pad,
    parts,
  };
}

/** A machine's nodes and edges, in coordinates that begin at 0, 0. */
export function place(machine, path = "") {
  const { order, ranks, back } = rank(machine);
  const rows = [];
  for (const name of order) (rows[ranks.get(name)] ??= []).push(name);
  const boxes = new Map(order.map((name) => [name, box(name, machine.States[name], path)]));
  const long = [];
  for (const from of order) {
    for (const { to, kind } of transitions(machine.States[from])) {
      if (!machine.States[to]) continue;
      const goesBack = back.has(`${from}\n${to}`) || ranks.get(to) <= ranks.get(from);
      if (goesBack || ranks.get(to) - ranks.get(from) > 1) long.push({ from, to, kind, goesBack });
    }
  }
  // What leads to the same state shares a lane.
  const targets = (goesBack) => [...new Set(long.filter((edge) => edge.goesBack === goesBack).map((edge) => edge.to))];
  const lanes = { left: targets(true), right: targets(false) };
  const [leftLanes, rightLanes] = [lanes.left.length, lanes.right.length];
  const inset = leftLanes ? leftLanes * size.lane + 8 : 0;
  const isAside = asides(machine);
  const widthOf = (names) => names.reduce((sum, name) => sum + boxes.get(name).width, 0) + size.gapX * Math.max(0, names.length - 1);
  const lines = rows.map((row) => ({ main: row.filter((name) => !isAside.has(name)), aside: row.filter((name) => isAside.has(name)) }));
  // A row of asides alone keeps the place of the main line free.
  const mainWidth = (names) => (names.length ? widthOf(names) : size.width);
  const axis = Math.max(...lines.map(({ main }) => mainWidth(main))) / 2;
  const bodyWidth = Math.max(...lines.map(({ main, aside }) => axis + mainWidth(main) / 2 + (aside.length ? size.gapX + widthOf(aside) : 0)));

  const nodes = [];
  const edges = [];
  const at = new Map();
  let y = 0;
  for (const { main, aside } of lines) {
    const rowHeight = Math.max(...[...main, ...aside].map((name) => boxes.get(name).height));
    let x = inset + axis - mainWidth(main) / 2 + (main.length ? 0 : size.width + size.gapX);
    for (const name of [...main, ...aside]) {
      const { width, height, parts } = boxes.get(name);
      const node = { name, type: machine.States[name].Type, path, x, y, width, height, isContainer: parts.length > 0, state: machine.States[name] };
      at.set(name, node);
      nodes.push(node);
      let innerX = x + (width - parts.reduce((sum, part) => sum + part.width, 0) - size.gapX * (parts.length - 1)) / 2;
      for (const part of parts) {
        nodes.push(...part.nodes.map((child) => ({ ...child, x: child.x + innerX, y: child.y + y + size.head })));
        edges.push(...part.edges.map((edge) => ({ ...edge, points: edge.points.map(([px, py]) => [px + innerX, py + y + size.head]) })));
        innerX += part.width + size.gapX;
      }
      x += width + size.gapX;
    }
    y += rowHeight + size.gapY;
  }

  const isLong = new Set(long.map(({ from, to }) => `${from}\n${to}`));
  for (const from of order) {
    for (const { to, kind } of transitions(machine.States[from])) {
      if (!at.has(to) || isLong.has(`${from}\n${to}`)) continue;
      const [a, b] = [at.get(from), at.get(to)];
      edges.push({ kind, shape: "down", points: [[a.x + a.width / 2, a.y + a.height], [b.x + b.width / 2, b.y]] });
    }
  }
  for (const { from, to, kind, goesBack } of long) {
    const [a, b] = [at.get(from), at.get(to)];
    const lane = goesBack ? inset - 8 - size.lane * lanes.left.indexOf(to) : inset + bodyWidth + 8 + size.lane * lanes.right.indexOf(to);
    const side = (node) => (goesBack ? node.x : node.x + node.width);
    const middle = (node) => node.y + (node.isContainer ? size.head / 2 : node.height / 2);
    edges.push({ kind, shape: "lane", points: [[side(a), middle(a) + 6], [lane, middle(a) + 6], [lane, middle(b) - 6], [side(b), middle(b) - 6]] });
  }
  return { width: inset + bodyWidth + (rightLanes ? rightLanes * size.lane + 8 : 0), height: y - size.gapY, nodes, edges };
}

/** The whole drawing: the machine between a start and an end dot. */
export function drawing(definition) {
  const machine = place(definition);
  const top = size.dot * 2 + size.gapY * 0.7;
  const nodes = machine.nodes.map((node) => ({ ...node, x: node.x + 2, y: node.y + top }));
  const edges = machine.edges.map((edge) => ({ ...edge, points: edge.points.map(([x, y]) => [x + 2, y + top]) }));
  const first = nodes.find((node) => node.path === "" && node.name === definition.StartAt);
  const dots = [];
  if (first) {
    const x = first.x + first.width / 2;
    dots.push({ kind: "start", x, y: size.dot + 1 });
    edges.push({ kind: "next", shape: "down", points: [[x, size.dot * 2 + 1], [x, first.y]] });
  }
  return { width: machine.width + 4, height: machine.height + top + 4, nodes, edges, dots };
}
