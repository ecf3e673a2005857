// Stands in for the module "cdktf" while a class of @cdktf/provider-aws is read: every getter answers with what it would read,
// and every mapper with what it would write. What is not here fails, so nothing is guessed.
"use strict";

class Reader {
  getStringAttribute(name) { return { name, type: "string" }; }
  getNumberAttribute(name) { return { name, type: "number" }; }
  getBooleanAttribute(name) { return { name, type: "bool" }; }
  getListAttribute(name) { return { name, type: ["list", "string"] }; }
  getNumberListAttribute(name) { return { name, type: ["list", "number"] }; }
  getStringMapAttribute(name) { return { name, type: ["map", "string"] }; }
  getNumberMapAttribute(name) { return { name, type: ["map", "number"] }; }
  getBooleanMapAttribute(name) { return { name, type: ["map", "bool"] }; }
}

class Resource extends Reader {}

// A block, or the element of a list of blocks.
class ComplexObject extends Reader {
  constructor(parent, name) {
    super();
    this.attributeName = name;
  }
}

class ComplexList {
  constructor(parent, name, isSet) {
    this.attributeName = name;
    this.isSet = Boolean(isSet);
  }
}

// A map that is only read.
class StringMap {
  constructor(parent, name) { Object.assign(this, { name, type: ["map", "string"] }); }
}

const simple = () => ({});

module.exports = {
  TerraformResource: Resource,
  TerraformDataSource: Resource,
  TerraformProvider: Resource,
  ComplexObject,
  ComplexList,
  StringMap,
  // The getter of a set says "as a list", which is the only place where it says that it is a set.
  Fn: { tolist: (read) => ({ ...read, type: ["set", read.type[1]] }) },
  Token: { asNumberList: (read) => read, asString: (read) => read },
  canInspect: () => true,
  isComplexElement: () => false,
  Tokenization: { isResolvable: () => false },
  stringToHclTerraform: simple,
  numberToHclTerraform: simple,
  booleanToHclTerraform: simple,
  hashMapperHcl: () => simple,
  // `isBlock` beside a value only says that it holds objects; this one says how it is written.
  listMapperHcl: (element, isBlock) => () => ({ isBlock }),
};
