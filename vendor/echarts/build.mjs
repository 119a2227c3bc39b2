// Writes latencylab/reporters/templates/charts.min.js and records its SHA-256: `npm ci && npm run build`.
// The versions are pinned by package-lock.json, so that anyone gets the same bytes.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const OUTPUT = "../../latencylab/reporters/templates/charts.min.js";

const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;

const banner =
  `/*! Apache ECharts ${version("echarts")} (Apache-2.0), with ZRender ${version("zrender")} (BSD-3-Clause) and tslib ` +
  `${version("tslib")} (0BSD); dagre ${version("@dagrejs/dagre")} (MIT). See vendor/echarts/NOTICE. */`;

const result = await build({
  entryPoints: ["entry.js"],
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "charts",
  target: "es2020",
  charset: "ascii",
  legalComments: "none",
  define: { "process.env.NODE_ENV": '"production"' },
  banner: { js: banner },
  write: false,
});
const bytes = result.outputFiles[0].contents;
writeFileSync(OUTPUT, bytes);
writeFileSync("SHA256", `${createHash("sha256").update(bytes).digest("hex")}  charts.min.js\n`);
