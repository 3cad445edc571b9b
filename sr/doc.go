// Package sr writes and prints measurement reports: DICOM Structured Reports
// after template TID 1500 (PS3.16), one for each segmented radiograph, as
// Comprehensive SR (PS3.3 A.35.3).
//
// It is strict when writing: [New] returns a report that is complete and valid,
// or an error that names the attribute. The same [Report] always gives the same
// bytes and UIDs.
//
// It measures nothing and knows no masks and no network: areas and
// probabilities come with the Report. [Print] shows the content tree of any
// structured report as text.
package sr
