// Package catalogue holds a test alone: every exported function and method of this module's packages, called
// with bad inputs.
//
// Entries are made from the export lists of the packages' sources. A function or a type that is exported and
// has no entry fails the test, so that an export cannot be added without being called.
package catalogue
