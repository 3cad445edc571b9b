package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"modernc.org/sqlite" // registers the driver "sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"dicomnode/internal/durable"
)

// FileName is the name of the database in the folder of the archive.
const FileName = "index.sqlite"

// LogLimit is the size in bytes to which the write-ahead log is truncated after a checkpoint.
// The log grows beyond it while a long read prevents checkpoints.
const LogLimit = 16 << 20

// SQLite is an Index in one file (WAL, synchronous=FULL).
type SQLite struct {
	// From is the schema version that the database had when it was opened; 0 if it was new.
	From int

	dir       string
	write     *sql.DB // one connection
	read      *sql.DB
	log       *writeAheadLog
	highWater *highWater
}

var _ Index = (*SQLite)(nil)

// Open opens the database in dir as its only owner. It checks the database before it changes
// anything, keeps a copy of one with an older schema and migrates it. If the database is
// missing or empty, Open calls create and creates a new one unless create returns an error.
//
// It returns ErrDamaged, ErrOld or ErrNewer, and changes nothing, if the database is damaged or
// has the wrong schema.
func Open(ctx context.Context, dir string, create func() error) (*SQLite, error) {
	if err := prepare(dir, create); err != nil {
		return nil, err
	}
	s, err := open(dir)
	if err != nil {
		return nil, err
	}
	if err := s.begin(ctx, create); err != nil {
		return nil, errors.Join(asErrDamaged(classify(err)), s.Close())
	}
	return s, nil
}

// OpenShared opens the database beside a running owner. It does not migrate: it returns ErrOld
// or ErrNewer if the schema differs.
func OpenShared(ctx context.Context, dir string) (*SQLite, error) {
	if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
		return nil, err
	}
	s, err := open(dir)
	if err != nil {
		return nil, err
	}
	if s.From, err = version(ctx, s.read); err == nil && s.From < len(schema) {
		err = fmt.Errorf("%w: schema %d, this one needs %d", ErrOld, s.From, len(schema))
	}
	if err != nil {
		return nil, errors.Join(classify(err), s.Close())
	}
	return s, nil
}

// prepare creates the file of a new database with its owner and mode, which SQLite also gives
// to its log.
func prepare(dir string, create func() error) error {
	path := filepath.Join(dir, FileName)
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Size() > 0:
		return os.Chmod(path, 0o600)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return err
	}
	if err := create(); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(durable.Own(f), f.Chmod(0o600), f.Close())
}

// open opens two connection pools on the database of dir: one connection for all writes, so
// that writers queue here and do not wait for SQLite's lock, and several for reading.
func open(dir string) (*SQLite, error) {
	s := &SQLite{dir: dir, log: &writeAheadLog{path: filepath.Join(dir, FileName+"-wal")}, highWater: newHighWater(dir)}
	var err error
	if s.write, err = openDB(dataSource(dir, "immediate", ""), s.log); err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = openDB(dataSource(dir, "deferred", "&_pragma=query_only(1)"), nil); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	s.read.SetMaxOpenConns(4)
	return s, nil
}

// dataSource returns the connection string for modernc.org/sqlite. It has no // before the
// path, which may be relative. synchronous=FULL syncs each commit, in WAL mode too.
func dataSource(dir, lock, more string) string {
	path := url.URL{Path: filepath.ToSlash(filepath.Join(dir, FileName))}
	return "file:" + path.EscapedPath() + "?mode=rw&_txlock=" + lock +
		"&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=cell_size_check(1)&_pragma=journal_size_limit(" + strconv.Itoa(LogLimit) + ")" + more
}

// Write returns the pool with the one connection that writes.
func (s *SQLite) Write() *sql.DB { return s.write }

// Read returns the pool of connections that read.
func (s *SQLite) Read() *sql.DB { return s.read }

// Close closes the database.
func (s *SQLite) Close() error {
	return errors.Join(s.read.Close(), s.write.Close(), s.highWater.close())
}

// View implements Index.
func (s *SQLite) View(ctx context.Context, f func(Tx) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return classify(err)
	}
	err = f(&sqlTx{ctx: ctx, tx: tx})
	return classify(errors.Join(err, ignoreDone(tx.Rollback())))
}

// Update implements Index.
func (s *SQLite) Update(ctx context.Context, f func(Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return classify(err)
	}
	changes, err := transact(ctx, tx, f)
	if err != nil {
		return err
	}
	s.highWater.note(changes, true)
	return nil
}

// UpdateUnsynced implements Index.
func (s *SQLite) UpdateUnsynced(ctx context.Context, f func(Tx) error) error {
	return s.Unsynced(ctx, func(tx *sql.Tx) error {
		changes, err := transact(ctx, tx, f)
		if err == nil {
			s.highWater.note(changes, false)
		}
		return err
	})
}

// Unsynced runs f, which must end its transaction. The commit is written to the log and not
// synced. Earlier commits stay durable.
func (s *SQLite) Unsynced(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(context.WithValue(ctx, unsynced{}, true), nil)
	if err != nil {
		return classify(err)
	}
	return f(tx)
}

// transact runs f in tx and commits it. changes is the new count of updates, 0 if f changed no
// row.
func transact(ctx context.Context, tx *sql.Tx, f func(Tx) error) (changes int64, err error) {
	t := &sqlTx{ctx: ctx, tx: tx}
	if err = f(t); err == nil && t.changed {
		err = tx.QueryRowContext(ctx, "UPDATE value SET value = value + 1 WHERE key = 'changes' RETURNING value").Scan(&changes)
	}
	for i := 0; err == nil && i < len(t.before); i++ {
		err = t.before[i]()
	}
	if err != nil {
		return 0, classify(errors.Join(err, ignoreDone(tx.Rollback())))
	}
	if err := tx.Commit(); err != nil {
		return 0, classify(err)
	}
	for _, f := range t.after {
		f()
	}
	return changes, nil
}

// Known implements Index.
func (s *SQLite) Known(ctx context.Context, sopInstanceUID string) (known bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM object WHERE sop_instance_uid = ?1)
		OR EXISTS (SELECT 1 FROM tombstone WHERE sop_instance_uid = ?1)`, sopInstanceUID).Scan(&known)
	return known, classify(err)
}

// Changes implements Index.
func (s *SQLite) Changes(ctx context.Context) (n int64, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT value FROM value WHERE key = 'changes'").Scan(&n)
	return n, classify(err)
}

// Snapshot implements Index. The copy includes the content of the log.
func (s *SQLite) Snapshot(ctx context.Context, file string) error {
	if err := vacuumInto(ctx, s.dir, file); err != nil {
		return fmt.Errorf("copy the index: %w", classify(err))
	}
	return nil
}

// vacuumInto uses its own connection: a read-only one refuses VACUUM INTO, and the writing one
// would block writers.
func vacuumInto(ctx context.Context, dir, file string) error {
	part := file + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("%s: %w", file, os.ErrExist)
	}
	// SQLite would create the file with the default mode of the process.
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(durable.Own(f), f.Chmod(0o600), f.Close())
	if err == nil {
		err = vacuum(ctx, dir, part)
	}
	if err == nil {
		err = durable.Sync(part) // SQLite does not sync the copy
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return durable.Rename(part, file)
}

func vacuum(ctx context.Context, dir, into string) error {
	db, err := sql.Open("sqlite", dataSource(dir, "deferred", ""))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", into)
	return errors.Join(err, db.Close())
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// asErrDamaged returns ErrDamaged if the database cannot parse one of this package's statements,
// which means that the text of a definition has changed.
func asErrDamaged(err error) error {
	var db *sqlite.Error
	if errors.As(err, &db) && db.Code()&0xff == sqlitelib.SQLITE_ERROR && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// classify wraps SQLite's errors in the errors that callers branch on.
func classify(err error) error {
	var db *sqlite.Error
	if !errors.As(err, &db) {
		return err
	}
	for _, c := range []struct {
		code int
		err  error
	}{
		{sqlitelib.SQLITE_FULL, ErrFull},
		{sqlitelib.SQLITE_CORRUPT, ErrDamaged},
		{sqlitelib.SQLITE_NOTADB, ErrDamaged},
	} {
		if db.Code()&0xff == c.code && !errors.Is(err, c.err) {
			return fmt.Errorf("%w: %w", c.err, err)
		}
	}
	return err
}
