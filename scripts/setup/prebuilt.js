// @ts-check
'use strict';

const fs = require('node:fs');
const path = require('node:path');

/**
 * Whether the package has an addon for this system that generates poems. lib/native/addon.ts looks in the same folders: on
 * Linux, one for glibc and one for musl.
 * @param {string} root
 */
function loads(root) {
  if (fs.existsSync(path.join(root, 'native', 'test'))) return false; // a clone builds its own sources
  return ['', '-musl'].some((suffix) => {
    const folder = `${process.platform}-${process.arch}${suffix}`;
    const file = path.join(root, 'prebuilds', folder, 'writer.node');
    if (!fs.existsSync(file)) return false;
    try {
      require(file);
      return true;
    } catch {
      return false;
    }
  });
}

module.exports = { loads };
