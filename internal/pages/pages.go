// Package pages gives memory back to the system before the collector does. It does not free
// anything: what it was given may still be read, as zeros.
package pages
