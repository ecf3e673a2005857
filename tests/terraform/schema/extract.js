// Reads the schema of one class of @cdktf/provider-aws by running it: names, types, blocks, and what must or can be set.
"use strict";
const { ComplexList, ComplexObject } = require("./cdktf");

// A value that has every member, for the functions that turn a block into HCL.
const anything = new Proxy({}, { get: () => anything });

/** The block of a resource, a data source or the provider. */
function resource(library, Class) {
  const instance = new Class(anything, "x", anything);
  return block(library, instance, instance.synthesizeHclAttributes());
}

/** The provider has no attributes to read, so what it writes is all that is known. */
function provider(library, Class) {
  const written = new Class(anything, "x", anything).synthesizeHclAttributes();
  const result = { attributes: {}, blocks: {} };
  for (const [name, hcl] of Object.entries(written)) {
    // `alias` belongs to Terraform.
    if (name === "alias") continue;
    if (hcl.isBlock) {
      const element = hcl.storageClassType.replace(/List$/, "");
      result.blocks[name] = { nesting: hcl.type, block: writtenBlock(library, element) };
    } else result.attributes[name] = { type: writtenType(hcl), flags: "o" };
  }
  return result;
}

function writtenBlock(library, element) {
  const written = library[lowerFirst(element) + "ToHclTerraform"](anything);
  const attributes = {};
  for (const [name, hcl] of Object.entries(written)) {
    if (hcl.isBlock) throw new Error(`${element}.${name} is a block in a block of the provider`);
    attributes[name] = { type: writtenType(hcl), flags: "o" };
  }
  return { attributes, blocks: {} };
}

function writtenType({ type, storageClassType }) {
  const scalar = { string: "string", boolean: "bool", number: "number" };
  if (type === "simple") return scalar[storageClassType];
  return [type, scalar[storageClassType.replace(/(List|Map)$/, "")]];
}

function block(library, instance, written) {
  const result = { attributes: {}, blocks: {} };
  const members = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(instance));
  for (const [member, { get }] of Object.entries(members)) {
    if (!get || member.endsWith("Input") || member === "internalValue") continue;
    const settable = `${member}Input` in members;
    const required = settable && !(`reset${upperFirst(member)}` in members);
    const read = get.call(instance);
    const flags = required ? "r" : settable ? "o" : "c";
    if (read instanceof ComplexList || read instanceof ComplexObject) {
      nested(library, result, read, written[read.attributeName], settable, required, flags);
    } else if (read && read.name) result.attributes[read.name] = { type: read.type, flags };
    else throw new Error(`${instance.constructor.name}.${member} answers ${read}`);
  }
  return result;
}

function nested(library, result, read, hcl, settable, required, flags) {
  const name = read.attributeName;
  const single = read instanceof ComplexObject;
  const element = single ? read : read.get(0);
  const toHcl = library[lowerFirst(element.constructor.name).replace(/OutputReference$/, "") + "ToHclTerraform"];
  const inner = block(library, element, settable ? toHcl(anything) : {});
  if (settable && (single || hcl.value.isBlock)) {
    const nesting = hcl.type === "struct" ? "single" : hcl.type;
    const limits = nesting === "single" ? {} : { ...(required && { min: 1 }), ...(single && { max: 1 }) };
    result.blocks[name] = { nesting, ...limits, block: inner };
  } else {
    const kind = settable ? hcl.type : read.isSet ? "set" : "list";
    result.attributes[name] = { type: [kind, ["object", objectOf(inner)]], flags };
  }
}

function objectOf({ attributes, blocks }) {
  if (Object.keys(blocks).length) throw new Error("a block inside of an attribute");
  return Object.fromEntries(Object.entries(attributes).map(([name, { type }]) => [name, type]));
}

function lowerFirst(text) { return text[0].toLowerCase() + text.slice(1); }
function upperFirst(text) { return text[0].toUpperCase() + text.slice(1); }

module.exports = { resource, provider };
