// Reads JSON values, one a line; answers each with the hash that npm fh-sync
// gives it ("-" for none), a space, and the base64 of the text that it hashed.
'use strict';
const util = require('fh-sync/lib/util');

// Not the readline module: it also ends lines at U+2028, which JSON texts may hold.
const lines = require('fs').readFileSync(0, 'utf8').split('\n');
lines.pop(); // behind the last line's end

const answers = lines.map((line) => {
  const value = JSON.parse(line);
  const hash = util.generateHash(value);
  let text = '';
  if (value) {
    text = typeof value === 'string' ? value : util.sortedStringify(value);
  }
  return `${hash || '-'} ${Buffer.from(text, 'utf8').toString('base64')}\n`;
});
process.stdout.write(answers.join(''));
