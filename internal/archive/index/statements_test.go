package index_test

import (
	"fmt"
	"testing"

	"dicomnode/internal/durable/durabletest"
)

// A prepared statement may be requested again while it runs, may fail, and sees a change of its
// table.
func TestStatements(t *testing.T) {
	x := open(t, durabletest.Dir(t))
	defer x.Close()
	db := x.Write()
	run := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	run("CREATE TABLE number (n INTEGER PRIMARY KEY)")
	for n := range 200 { // more statements than are kept
		run(fmt.Sprintf("INSERT INTO number VALUES (%d)", n))
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	const next = "SELECT n FROM number WHERE n > ? ORDER BY n"
	outer, err := tx.QueryContext(t.Context(), next, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	for want := 11; outer.Next() && want < 30; want++ {
		var a, b int
		if err := outer.Scan(&a); err != nil {
			t.Fatal(err)
		}
		if err := tx.QueryRowContext(t.Context(), next, a).Scan(&b); err != nil || a != want || b != want+1 {
			t.Errorf("%d and %d behind it, %v, want %d", a, b, err, want)
		}
	}
	outer.Close()
	const add = "INSERT INTO number VALUES (?)"
	for range 3 {
		if _, err := tx.ExecContext(t.Context(), add, 5); err == nil {
			t.Error("a number was added twice")
		}
	}
	if _, err := tx.ExecContext(t.Context(), add, 1000); err != nil {
		t.Error(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	run("ALTER TABLE number ADD COLUMN word TEXT NOT NULL DEFAULT 'w'")
	run("INSERT INTO number (n) VALUES (1001)")
	var n int
	if err := db.QueryRowContext(t.Context(), next, 999).Scan(&n); err != nil || n != 1000 {
		t.Errorf("%d, %v", n, err)
	}
}
