// Where the nodes of a network stand. Dagre lays out stretches between points where a single edge passes; the
// stretches are stacked, and an edge that reaches far is a rail at the left. So the work grows with the number of
// nodes (dagre alone grows faster, and overflows its stack on a chain of thousands), and equal blocks look equal.
const NODE = { width: 196, height: 46 };
const GAP = 34;
const STRETCH = { least: 24, most: 120 };
const FAR = 40;
const RAILS = 16;

function layoutNetwork(dependsOn) {
  const count = dependsOn.length;
  const depth = depths(dependsOn);
  const height = heights(dependsOn);
  const edges = dependsOn.flatMap((sources, to) => [...new Set(sources)].map((from) => ({
    from, to, isSkip: depth[to] - depth[from] > 1 || height[from] - height[to] > 1, isFar: count > FAR && to - from > FAR, points: null,
  })));
  const near = edges.filter(({ isFar }) => !isFar);
  const nodes = Array(count);
  const incoming = Array.from({ length: count }, () => []);
  near.forEach((edge) => incoming[edge.to].push(edge));
  const known = new Map();
  let top = 0;
  for (const [first, end] of stretches(count, near)) {
    const inside = [];
    for (let to = first; to < end; to++) inside.push(...incoming[to].filter(({ from }) => from >= first));
    const placed = layoutStretch(first, end, inside, known);
    const entry = findEntry(first, end, incoming);
    const shift = entry ? nodes[entry.from].x - placed.nodes[entry.to - first].x : -placed.width / 2;
    placed.nodes.forEach(({ x, y }, i) => { nodes[first + i] = { x: x + shift, y: y + top }; });
    placed.points.forEach((points, i) => { inside[i].points = points.map(([x, y]) => [x + shift, y + top]); });
    top += placed.height + GAP;
  }
  near.filter(({ points }) => !points).forEach((edge) => { edge.points = straight(nodes[edge.from], nodes[edge.to]); });
  const box = bounds(nodes);
  layRails(edges.filter(({ isFar }) => isFar), nodes, box);
  return { nodes, edges, box };
}

function depths(dependsOn) {
  const depth = [];
  dependsOn.forEach((sources, i) => depth.push(sources.reduce((most, from) => Math.max(most, depth[from] + 1), 0)));
  return depth;
}

function heights(dependsOn) {
  const height = Array(dependsOn.length).fill(0);
  for (let i = dependsOn.length - 1; i >= 0; i--) {
    for (const from of dependsOn[i]) height[from] = Math.max(height[from], height[i] + 1);
  }
  return height;
}

function stretches(count, edges) {
  const change = new Int32Array(count + 1);
  edges.forEach(({ from, to }) => { change[from + 1] += 1; change[to + 1] -= 1; });
  const found = [];
  for (let first = 0, at = 1, passing = 0; at <= count; at++) {
    passing += change[at];
    const length = at - first;
    if (at === count || (length >= STRETCH.least && passing <= 1) || length >= STRETCH.most) {
      found.push([first, at]);
      first = at;
    }
  }
  return found;
}

function layoutStretch(first, end, edges, known) {
  const relative = edges.map(({ from, to }) => [from - first, to - first]);
  const key = `${end - first}:${relative.join(";")}`;
  if (!known.has(key)) known.set(key, byDagre(end - first, relative));
  return known.get(key);
}

function byDagre(count, edges) {
  const graph = new charts.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 22, ranksep: GAP, marginx: 0, marginy: 0 });
  for (let i = 0; i < count; i++) graph.setNode(String(i), { ...NODE });
  edges.forEach(([from, to]) => graph.setEdge(String(from), String(to), {}));
  charts.layoutGraph(graph);
  return {
    width: graph.graph().width,
    height: graph.graph().height,
    nodes: Array.from({ length: count }, (_, i) => graph.node(String(i))),
    points: edges.map(([from, to]) => graph.edge(String(from), String(to)).points.map(({ x, y }) => [x, y])),
  };
}

function findEntry(first, end, incoming) {
  for (let to = first; to < end; to++) {
    const entry = incoming[to].find(({ from }) => from < first);
    if (entry) return entry;
  }
  return null;
}

function straight(from, to) {
  return [[from.x, from.y + NODE.height / 2], [to.x, to.y - NODE.height / 2]];
}

function bounds(nodes) {
  const box = { left: Infinity, right: -Infinity, bottom: 0 };
  for (const { x, y } of nodes) {
    box.left = Math.min(box.left, x - NODE.width / 2);
    box.right = Math.max(box.right, x + NODE.width / 2);
    box.bottom = Math.max(box.bottom, y + NODE.height / 2);
  }
  return box;
}

/** Put far edges on rails beside the network, a rail only once over any stretch while there are rails left. */
function layRails(edges, nodes, box) {
  const left = box.left;
  const freeFrom = [];
  edges.sort((a, b) => a.from - b.from || b.to - a.to);
  edges.forEach((edge, i) => {
    const free = freeFrom.findIndex((end) => end <= edge.from);
    const lane = free >= 0 ? free : freeFrom.length < RAILS ? freeFrom.length : i % RAILS;
    freeFrom[lane] = edge.to;
    const x = left - 26 - lane * 13;
    const [from, to] = [nodes[edge.from], nodes[edge.to]];
    edge.points = [[from.x - NODE.width / 2, from.y + 8], [x, from.y + 8], [x, to.y - 8], [to.x - NODE.width / 2, to.y - 8]];
    box.left = Math.min(box.left, x - 10);
  });
}
