'use strict';
// Records every scenario under api/http/golden. Called by record.sh, which sees to what this needs.

const fs = require('fs');
const path = require('path');
const { Player } = require('./play');
const { startServers, stopAll } = require('./servers');

const GOLDEN = path.join(__dirname, '..', '..', 'api', 'http', 'golden');
// Scenarios mostly wait for workers, so several of them share a processor well.
const PARALLEL = 6;

function findScenarios(words) {
  const found = [];
  for (const section of fs.readdirSync(GOLDEN, { withFileTypes: true })) {
    if (!section.isDirectory()) {
      continue;
    }
    for (const file of fs.readdirSync(path.join(GOLDEN, section.name)).sort()) {
      const name = `${section.name}/${file}`;
      if (file.endsWith('.json') && (words.length === 0 || words.some((word) => name.includes(word)))) {
        found.push(name);
      }
    }
  }
  return found;
}

/** Records one scenario; returns false where it failed or, when checking, differs from what is written. */
async function record(servers, name, index, check) {
  const file = path.join(GOLDEN, name);
  const before = fs.readFileSync(file, 'utf8');
  const scenario = JSON.parse(before);
  let warnings;
  try {
    warnings = await new Player(servers, `golden_${index}`, scenario).play();
  } catch (err) {
    console.error(`FAIL  ${name}: ${err.message}`);
    return false;
  }
  const after = `${JSON.stringify(scenario, null, 2)}\n`;
  if (check && after !== before) {
    console.error(`DIFF  ${name}`);
    return false;
  }
  if (!check) {
    fs.writeFileSync(file, after);
  }
  console.error(`${after === before ? 'same' : 'NEW '}  ${name}`);
  warnings.forEach((warning) => console.error(`      ${warning}`));
  return warnings.length === 0;
}

async function main() {
  const words = process.argv.slice(2).filter((word) => word !== '--check');
  const check = process.argv.includes('--check');
  const names = findScenarios(words);
  const servers = await startServers();
  let failed = 0;
  let next = 0;
  const lane = async () => {
    while (next < names.length) {
      const index = next++;
      if (!await record(servers, names[index], index, check)) {
        failed++;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
  console.error(`${names.length} scenarios, ${failed} to look at`);
  process.exitCode = failed ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stopAll();
    process.exit(130);
  });
}
main().catch((err) => {
  console.error(err);
  process.exitCode = 1;
}).finally(stopAll);
