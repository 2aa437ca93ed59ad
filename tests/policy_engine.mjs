// Asks the published engine of policy.yaml what we were asked, and compares the answers.
//
//     node tests/policy_engine.mjs ENGINE POLICIES
//
// ENGINE is the folder of @mnemom/policy-engine 0.4.0, POLICIES the `policies.ndjson` that the test
// `policy_peers` leaves where ADVISOR_TEST_PEERS_DIR names a directory.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { join, resolve } from "node:path";

const [engine, policies] = process.argv.slice(2);
const { evaluatePolicy } = await import(pathToFileURL(resolve(join(engine, "dist/evaluator.js"))));

let asked = 0;
let differ = 0;
const verdicts = { pass: 0, warn: 0, fail: 0 };
for (const line of readFileSync(policies, "utf8").split("\n").filter(Boolean)) {
  const { card, tools, verdict, findings, coverage_pct } = JSON.parse(line);
  const theirs = evaluatePolicy({ card, tools: tools.map((name) => ({ name })), context: "cli" });
  const kinds = (tool) => {
    const of = (list) => list.filter((it) => it.tool === tool).map((it) => it.type);
    return [...of(theirs.violations), ...of(theirs.warnings)];
  };
  // A tool that is asked about twice is answered twice.
  const ours = (tool) => tools.flatMap((name, at) => (name === tool ? findings[at] : []));
  const same =
    theirs.verdict === verdict &&
    Math.abs(theirs.coverage.coverage_pct - coverage_pct) < 1e-9 &&
    tools.every((tool) => kinds(tool).sort().join() === ours(tool).sort().join());
  asked += 1;
  verdicts[verdict] += 1;
  if (!same) {
    differ += 1;
    if (differ <= 5) console.error(JSON.stringify({ line: JSON.parse(line), theirs }));
  }
}
console.log(`the engine of policy.yaml: ${asked} policies, ${JSON.stringify(verdicts)}, ${differ} answers differ`);
process.exit(asked > 0 && differ === 0 ? 0 : 1);
