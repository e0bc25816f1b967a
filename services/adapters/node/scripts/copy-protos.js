'use strict';
// Copies the contracts into the package, which has to have them once it is packed.
// `npm pack` runs it; a test fails when a copy is not what it was made from.
const fs = require('node:fs');
const path = require('node:path');

const to = path.join(__dirname, '..', 'proto');
const from = path.join(__dirname, '..', '..', '..', '..', 'proto');
const files = ['adapter/v1/adapter.proto', 'interceptor/v1/interceptor.proto'];

if (require.main === module) {
  for (const file of files) {
    fs.mkdirSync(path.dirname(path.join(to, file)), { recursive: true });
    fs.copyFileSync(path.join(from, file), path.join(to, file));
  }
}

module.exports = { from, to, files };
