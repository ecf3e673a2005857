// Writes schema.json to the standard output: make.js TYPES CDKTF PULUMI, with the directories of the two packages.
"use strict";
const fs = require("fs");
const path = require("path");
const Module = require("module");

// The classes ask for "cdktf", which nobody installs.
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  return request === "cdktf" ? path.join(__dirname, "cdktf.js") : resolve.call(this, request, ...rest);
};
const { resource, provider } = require("./extract");
const { Declarations } = require("./flags");

const [types, cdktf, pulumi] = process.argv.slice(2);
const declarations = new Declarations(pulumi);
const schema = { provider: provider(...load("provider", "AwsProvider")), resources: {}, data_sources: {} };
const missing = [];
for (const line of fs.readFileSync(types, "utf8").split("\n")) {
  if (!line.trim() || line.startsWith("#")) continue;
  const [name, file] = line.trim().split(/\s+/);
  const data = name.startsWith("data.");
  const type = name.replace("data.", "");
  const folder = (data ? "data-aws-" : "") + type.replace("aws_", "").replace(/_/g, "-");
  const block = resource(...load(folder));
  missing.push(...declarations.mark(name, file, block));
  schema[data ? "data_sources" : "resources"][type] = block;
}
if (missing.length) {
  console.error(`not found in @pulumi/aws, so without flags: ${missing.join(", ")}`);
  process.exitCode = 1;
}
process.stdout.write(lines({ provider_version: version(), ...schema }));

/** The module of a folder, and its class: the one that is a resource of its own. */
function load(folder, name) {
  const library = require(path.join(path.resolve(cdktf), "lib", folder, "index.js"));
  const Class = name ? library[name] : Object.values(library).find((one) => one.tfResourceType);
  return [library, Class];
}

/** The version that the package was made from; its documentation links to it. */
function version() {
  const text = fs.readFileSync(path.join(cdktf, "lib/provider/index.js"), "utf8");
  return /providerVersion: '([\d.]+)'|providers\/hashicorp\/aws\/([\d.]+)\/docs/.exec(text).slice(1).find(Boolean);
}

/** JSON with an attribute a line, so that a difference can be read. */
function lines(value, indent = "") {
  const leaf = value === null || typeof value !== "object" || Array.isArray(value) || "flags" in value;
  if (leaf) return JSON.stringify(value);
  const inner = Object.entries(value)
    .filter(([key, member]) => !(key === "blocks" && Object.keys(member).length === 0))
    .map(([key, member]) => `${indent} ${JSON.stringify(key)}: ${lines(member, indent + " ")}`);
  return `{\n${inner.join(",\n")}\n${indent}}${indent ? "" : "\n"}`;
}
