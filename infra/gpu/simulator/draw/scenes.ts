/** The scenes that pictures show: mountains, sea, skyline, garden, orbs, each as shapes in unit coordinates. */
import { between, type Chance, oneOf } from "../chance.ts";
import type { Colour, Point, Shape } from "./composition.ts";

/** Shapes back to front; all chance comes from the given one. */
type Scene = (chance: Chance) => readonly Shape[];

/** Which words in a prompt mean which scene. */
export const SCENES: readonly { readonly words: RegExp; readonly scene: Scene }[] = [
  { words: /\b(sea|ocean|beach|boats?|ships?|lake|island|coast|harbou?r|river|waves?)\b/i, scene: sea },
  { words: /\b(city|skyline|street|buildings?|towers?|shop|houses?|neon|urban|office)\b/i, scene: skyline },
  { words: /\b(flowers?|garden|plants?|lea(f|ves)|botanical|blossoms?|meadow|spring)\b/i, scene: garden },
  { words: /\b(abstract|logo|pattern|planets?|space|icon|poster|geometric|bubbles?)\b/i, scene: orbs },
  { words: /\b(mountains?|hills?|forest|landscape|desert|valley|trees?|fox|deer)\b/i, scene: mountains },
];

/** Heights along x from a few octaves of waves, around 0. */
function contour(chance: Chance, roughness: number): (x: number) => number {
  const waves = [1, 2.3, 4.9, 11, 23].map((frequency, octave) => ({
    frequency: frequency * between(chance, 0.8, 1.25),
    phase: between(chance, 0, Math.PI * 2),
    height: roughness ** octave,
  }));
  return (x) =>
    waves.reduce((sum, wave) => sum + wave.height * Math.sin(wave.frequency * x * Math.PI + wave.phase), 0) / 2;
}

function ridge(
  chance: Chance,
  at: { readonly y: number; readonly height: number; readonly roughness: number },
): Point[] {
  const heightAt = contour(chance, at.roughness);
  const points: Point[] = [[-0.02, 1.05]];
  for (let index = 0; index <= 120; index += 1) {
    const x = -0.02 + (1.04 * index) / 120;
    points.push([x, at.y - at.height * heightAt(x)]);
  }
  points.push([1.02, 1.05]);
  return points;
}

function mountains(chance: Chance): Shape[] {
  const shapes: Shape[] = [];
  for (let layer = 0; layer < 5; layer += 1) {
    const points = ridge(chance, {
      y: 0.46 + layer * 0.115,
      height: 0.15 - layer * 0.02,
      roughness: layer < 2 ? 0.55 : 0.42,
    });
    shapes.push({ kind: "area", points, colour: layer });
    if (layer < 2) continue;
    for (let tree = 0; tree < 26; tree += 1) {
      const foot = points[2 + Math.floor(chance() * 118)];
      if (!foot) continue;
      const height = between(chance, 0.03, 0.06) * (layer - 0.8);
      shapes.push({ kind: "area", points: fir(foot, height), colour: layer });
    }
  }
  return shapes;
}

function fir([x, y]: Point, height: number): Point[] {
  const points: Point[] = [[x, y - height]];
  for (const side of [1, -1]) {
    const half: Point[] = [];
    for (let tier = 1; tier <= 3; tier += 1) {
      const tierY = y - height + (height * tier) / 3;
      half.push([x + side * height * 0.12 * tier, tierY], [x + side * height * 0.06 * tier, tierY - height * 0.02]);
    }
    points.push(...(side === 1 ? half : half.reverse()));
    if (side === 1) points.push([x, y + 0.02]);
  }
  return points;
}

function sea(chance: Chance): Shape[] {
  const horizon = between(chance, 0.48, 0.58);
  const shapes: Shape[] = [
    { kind: "area", points: ridge(chance, { y: horizon, height: 0.07, roughness: 0.5 }), colour: 0 },
    {
      kind: "area",
      points: [
        [-0.02, horizon],
        [1.02, horizon],
        [1.02, 1.05],
        [-0.02, 1.05],
      ],
      colour: 1,
    },
  ];
  for (let wave = 0; wave < 70; wave += 1) {
    const depth = chance() ** 1.6;
    const y = horizon + 0.01 + depth * (1 - horizon);
    const x = between(chance, -0.1, 1);
    const length = between(chance, 0.05, 0.3) * (0.3 + depth);
    const points: Point[] = Array.from({ length: 13 }, (_, step) => [
      x + (length * step) / 12,
      y + Math.sin((step / 12) * Math.PI * 4) * 0.004 * (0.3 + depth),
    ]);
    shapes.push({
      kind: "stroke",
      points,
      width: 0.002 + depth * 0.006,
      colour: oneOf<Colour>(chance, [0, 2, 3, "glow"]),
    });
  }
  const x = between(chance, 0.25, 0.75);
  const y = between(chance, horizon + 0.06, horizon + 0.16);
  const size = between(chance, 0.07, 0.12);
  shapes.push(
    {
      kind: "area",
      points: [
        [x, y - size * 2],
        [x + size * 0.95, y - size * 0.25],
        [x, y - size * 0.25],
      ],
      colour: "paper",
    },
    {
      kind: "area",
      points: [
        [x - size * 0.08, y - size * 1.6],
        [x - size * 0.08, y - size * 0.25],
        [x - size * 0.6, y - size * 0.25],
      ],
      colour: "accent",
    },
    {
      kind: "area",
      points: [
        [x - size * 0.8, y - size * 0.18],
        [x + size, y - size * 0.18],
        [x + size * 0.65, y + size * 0.16],
        [x - size * 0.5, y + size * 0.16],
      ],
      colour: "ink",
    },
    { kind: "area", points: ridge(chance, { y: 0.97, height: 0.05, roughness: 0.4 }), colour: 4 },
  );
  return shapes;
}

function skyline(chance: Chance): Shape[] {
  const shapes: Shape[] = [];
  for (let layer = 1; layer < 5; layer += 1) {
    for (let x = -0.04; x < 1.02; ) {
      const width = between(chance, 0.05, 0.11) * (0.6 + layer * 0.16);
      const top = 0.78 - between(chance, 0.08, 0.5) * (1.15 - layer * 0.17) + layer * 0.03;
      shapes.push({ kind: "area", points: rectangle(x, top, width, 1.05 - top), colour: layer });
      if (chance() < 0.3) {
        shapes.push({
          kind: "stroke",
          points: [
            [x + width / 2, top],
            [x + width / 2, top - 0.07],
          ],
          width: 0.004,
          colour: layer,
        });
      }
      shapes.push(...windows(chance, { x, top, width, layer }));
      x += width * between(chance, 0.95, 1.2);
    }
  }
  return shapes;
}

const rectangle = (x: number, y: number, width: number, height: number): Point[] => [
  [x, y],
  [x + width, y],
  [x + width, y + height],
  [x, y + height],
];

function windows(
  chance: Chance,
  house: { readonly x: number; readonly top: number; readonly width: number; readonly layer: number },
): Shape[] {
  const lit: Shape[] = [];
  const pane = 0.008 + house.layer * 0.0016;
  for (let y = house.top + pane * 1.5; y < 0.98; y += pane * 2.6) {
    for (let x = house.x + pane; x < house.x + house.width - pane * 1.4; x += pane * 2) {
      if (chance() < 0.3) lit.push({ kind: "area", points: rectangle(x, y, pane, pane * 1.4), colour: "glow" });
    }
  }
  return lit;
}

function garden(chance: Chance): Shape[] {
  const shapes: Shape[] = [
    { kind: "area", points: ridge(chance, { y: 0.62, height: 0.06, roughness: 0.4 }), colour: 1 },
    { kind: "area", points: ridge(chance, { y: 0.8, height: 0.05, roughness: 0.4 }), colour: 2 },
  ];
  for (let plant = 0; plant < 22; plant += 1) {
    const near = plant / 22;
    const foot: Point = [between(chance, 0.02, 0.98), 0.82 + near * 0.2];
    const height = between(chance, 0.22, 0.42) * (0.6 + near * 0.6);
    const lean = between(chance, -0.12, 0.12);
    const stem: Point[] = [0, 0.25, 0.5, 0.75, 1].map((share) => [
      foot[0] + lean * share * share,
      foot[1] - height * share,
    ]);
    shapes.push({ kind: "stroke", points: stem, width: 0.004 + near * 0.006, colour: 4 });
    for (const share of [1, 2, 3]) shapes.push(leaf(stem[share] ?? foot, (chance() < 0.5 ? -1 : 1) * height * 0.24));
    shapes.push(...blossom(chance, stem[4] ?? foot, height * between(chance, 0.1, 0.16)));
  }
  return shapes;
}

function leaf([x, y]: Point, reach: number): Shape {
  const rise = Math.abs(reach) * 0.55;
  return {
    kind: "area",
    points: [
      [x, y],
      [x + reach * 0.35, y - rise * 0.75],
      [x + reach, y - rise],
      [x + reach * 0.65, y - rise * 0.2],
    ],
    colour: 3,
  };
}

function blossom(chance: Chance, [x, y]: Point, size: number): Shape[] {
  const petals = 5 + Math.floor(chance() * 4);
  const colour = oneOf<Colour>(chance, ["accent", "accent", "glow", "paper"]);
  const shapes: Shape[] = [];
  for (let petal = 0; petal < petals; petal += 1) {
    const angle = (petal / petals) * Math.PI * 2;
    shapes.push({
      kind: "disc",
      at: [x + Math.cos(angle) * size * 0.7, y + Math.sin(angle) * size * 0.7],
      radius: size * 0.5,
      colour,
    });
  }
  shapes.push({ kind: "disc", at: [x, y], radius: size * 0.42, colour: "ink" });
  return shapes;
}

function orbs(chance: Chance): Shape[] {
  const shapes: Shape[] = [];
  for (let orb = 0; orb < 14; orb += 1) {
    const at: Point = [between(chance, 0.05, 0.95), between(chance, 0.08, 0.92)];
    const radius = between(chance, 0.04, 0.26) * (1 - orb * 0.035);
    shapes.push({ kind: "disc", at, radius, colour: oneOf<Colour>(chance, [0, 1, 2, 3, "accent", "glow"]) });
    if (chance() < 0.5) {
      const start = between(chance, 0, 6);
      const arc: Point[] = Array.from({ length: 24 }, (_, index) => [
        at[0] + Math.cos(start + index * 0.16) * radius * 1.35,
        at[1] + Math.sin(start + index * 0.16) * radius * 1.35,
      ]);
      shapes.push({ kind: "stroke", points: arc, width: 0.006, colour: oneOf<Colour>(chance, ["accent", "paper", 4]) });
    }
  }
  return shapes;
}
