// Writes fig.txt, the command trees of a published package, in the notation that mod.rs describes.
//
//   npm pack @withfig/autocomplete@2.692.3 && tar xzf withfig-autocomplete-2.692.3.tgz
//   node generate.mjs package/build > fig.txt
//
// Names, aliases and arity only. The same package gives the same bytes. See NOTICE.
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const build = path.resolve(process.argv[2] ?? "package/build");
const MAX_DEPTH = 8;
const MAX_COLUMNS = 120;
// Trees of fewer characters are alike by chance.
const MIN_SHARED = 60;

// Words of shells and of people, not programs; trees of completion tools that run others' commands.
const SKIP = new Set(["-", "aliases", "do", "elif", "else", "for", "if", "then", "until", "while", "main", "trap", "figterm", "index"]);
// A tree in a folder of versions: the newest.
const VERSIONED = { az: "az/2.53.0", fig: "fig/2.0.0", heroku: "heroku/8.6.0", infracost: "infracost/0.10.0", shopify: "shopify/3.0.0" };
// Trees over the size that their use by agents is worth are cut at this depth.
const CUT = { az: 2, oci: 3 };

const list = (it) => (it === undefined || it === null ? [] : Array.isArray(it) ? it : [it]);
const word = (it) => typeof it === "string" && /^[^\s,/]+$/u.test(it) && it !== "*";
const optionName = (it) => /^[-+][^\s|=?^]+$/u.test(it) && it !== "--";
const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

async function load(name) {
  const file = path.join(build, `${VERSIONED[name] ?? name}.js`);
  if (!existsSync(file) || !statSync(file).size) return undefined;
  try {
    let spec = (await import(pathToFileURL(file))).default;
    if (typeof spec === "function") spec = (await spec())?.spec ?? (await spec());
    return typeof spec === "object" ? spec : undefined;
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    return undefined;
  }
}

/** `-a` a flag, `-a=` takes a value, `-a?` takes one only when joined to it. */
function arity(option) {
  const args = list(option.args);
  if (!args.length) return "";
  return option.requiresSeparator || option.requiresEquals || args[0].isOptional ? "?" : "=";
}

/** `-am` where there are `-a` and `-m`: two options that people like together. */
function isCluster(names, all) {
  return names.every((it) => /^-\w{2,4}$/u.test(it) && [...it.slice(1)].every((letter) => all.has(`-${letter}`)));
}

async function tree(spec, depth, binary, seen) {
  let full = spec;
  if (typeof spec.loadSpec === "string" && !seen.includes(spec.loadSpec)) {
    const loaded = await load(spec.loadSpec);
    if (loaded) {
      full = { ...spec, ...loaded, subcommands: [...list(spec.subcommands), ...list(loaded.subcommands)], options: [...list(spec.options), ...list(loaded.options)] };
      seen = [...seen, spec.loadSpec];
    }
  } else if (spec.loadSpec && typeof spec.loadSpec === "object") {
    full = { ...spec, ...spec.loadSpec };
  }
  const options = [];
  const posix = !full.parserDirectives?.flagsArePosixNoncompliant;
  const letters = new Set(list(full.options).flatMap((it) => list(it.name)));
  for (const option of list(full.options)) {
    const names = [...new Set(list(option.name).map((it) => String(it).replace(/=$/u, "")))];
    const kept = names.filter(optionName);
    if (kept.length && !(posix && isCluster(kept, letters))) options.push({ names: kept, arity: arity(option) });
  }
  const children = new Map();
  if (depth < (CUT[binary] ?? MAX_DEPTH)) {
    for (const sub of list(full.subcommands)) {
      const names = list(sub.name).filter((it) => word(it) && !it.startsWith("-"));
      if (!names.length || children.has(names[0])) continue;
      children.set(names[0], { names, node: await tree(sub, depth + 1, binary, seen) });
    }
  }
  const args = list(full.args);
  const runs = args.some((it) => it.isCommand);
  return { options, children, operands: args.length > 0, runs };
}

/** Options of every node under `node`, as records, counted. */
function count(node, into) {
  for (const option of node.options) {
    for (const name of option.names) {
      const records = into.get(name) ?? into.set(name, new Map()).get(name);
      const key = `${option.names.join("|")}${option.arity}`;
      records.set(key, (records.get(key) ?? 0) + 1);
    }
  }
  for (const { node: child } of node.children.values()) count(child, into);
}

function print(names, node, depth, common, out) {
  const own = [...new Set(node.options.map((it) => `${it.names.join("|")}${it.arity}`))]
    .filter((key) => key.replace(/[=?]$/u, "").split("|").some((name) => common.get(name) !== key));
  const marks = `${node.operands && node.children.size ? "@" : ""}${node.runs ? "^" : ""}`;
  const mark = marks && `/${marks}`;
  out.push(`${" ".repeat(depth)}${[names.join(",") + mark, ...own.sort(byText)].join(" ")}`);
  const children = [...node.children.values()].sort((a, b) => byText(a.names[0], b.names[0]));
  for (const { names: childNames, node: child } of children) print(childNames, child, depth + 1, common, out);
}

const specs = (await import(pathToFileURL(path.join(build, "index.js")))).default;
const binaries = new Map();
for (const file of [...specs].sort(byText)) {
  if (SKIP.has(file) || (file.includes("/") && !file.startsWith("@"))) continue;
  const spec = await load(file);
  if (!spec) continue;
  const names = [...new Set([...list(spec.name), file])].filter((it) => word(it) && !SKIP.has(it));
  const node = await tree(spec, 0, file, [file]);
  for (const name of names) if (!binaries.has(name) || name === file) binaries.set(name, node);
}

// Programs with the same tree share one.
const groups = new Map();
for (const name of [...binaries.keys()].sort(byText)) {
  const lines = [];
  print([""], binaries.get(name), 0, new Map(), lines);
  const text = lines.join("\n");
  if (groups.has(text) && text.length > MIN_SHARED) groups.get(text).push(name);
  else groups.set(text.length > MIN_SHARED ? text : `${text} ${name}`, [name]);
}

const out = [];
for (const names of groups.values()) {
  const node = binaries.get(names[0]);
  const records = new Map();
  count(node, records);
  // The record that most nodes agree on holds everywhere; a node lists what it has otherwise.
  const common = new Map();
  for (const [option, seen] of records) {
    const [key] = [...seen].sort((a, b) => b[1] - a[1] || byText(a[0], b[0]))[0];
    common.set(option, key);
  }
  print(names, node, 0, common, out);
  const shared = [...new Set(common.values())].sort(byText);
  let line = " *";
  for (const record of shared) {
    if (line.length + record.length >= MAX_COLUMNS && line !== " *") {
      out.push(line);
      line = " *";
    }
    line += ` ${record}`;
  }
  if (shared.length) out.push(line);
}
process.stdout.write(`${out.join("\n")}\n`);
