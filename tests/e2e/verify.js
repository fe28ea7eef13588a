// SPDX-License-Identifier: ISC
//
// Verifies tokens as a service would that knows nothing of Postern but the
// address of its public keys.  Reads {jwks, keys, issuer, tokens} from stdin:
// jwks is where the keys are; keys, if not null, are those it read before and
// keeps to.  Writes {jose: [...], jsonwebtoken: [...]}: for each token its
// "sid", or "refused: " and why.
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const jose = require("jose");
const jsonwebtoken = require("jsonwebtoken");

const job = JSON.parse(fs.readFileSync(0, "utf8"));
const wanted = { issuer: job.issuer, audience: job.issuer };

async function verdict(verify) {
  try {
    return (await verify()).sid;
  } catch (e) {
    return "refused: " + e.message;
  }
}

async function withJose(token, keys) {
  const { payload } = await jose.jwtVerify(token, keys, {
    ...wanted, typ: "at+jwt", algorithms: ["ES256"] });
  return payload;
}

// Leaves the algorithm to the library, which must take it from the key.
function withJsonwebtoken(token, set) {
  const { header } = jsonwebtoken.decode(token, { complete: true }) || {};
  if (!header) throw new Error("no JWT");
  const jwk = set.keys.find((k) => k.kid === header.kid);
  if (!jwk) throw new Error("no such key");
  const key = crypto.createPublicKey({ format: "jwk", key: jwk });
  return jsonwebtoken.verify(token, key, wanted);
}

async function main() {
  const set = job.keys || await (await fetch(job.jwks)).json();
  const keys = job.keys ? jose.createLocalJWKSet(job.keys)
    : jose.createRemoteJWKSet(new URL(job.jwks));
  const out = { jose: [], jsonwebtoken: [] };
  for (const token of job.tokens) {
    out.jose.push(await verdict(() => withJose(token, keys)));
    out.jsonwebtoken.push(await verdict(() => withJsonwebtoken(token, set)));
  }
  process.stdout.write(JSON.stringify(out));
}

main();
