// Package viewers holds the tests that show results in other people's viewers: a page
// with cornerstone3D (docs/viewers) in a real browser, fed by Orthanc over DICOMweb. It
// owns no code that is delivered.
package viewers
