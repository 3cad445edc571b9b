package index

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// maxStatements is how many prepared statements a connection keeps.
const maxStatements = 128

// openDB opens a pool of connections that prepare each statement once, because parsing most of
// these statements costs more than running them. log is that of the pool that writes, which
// has one connection, and nil for one that reads.
func openDB(dataSource string, log *writeAheadLog) (*sql.DB, error) {
	c, err := sqlite.NewConnector(dataSource)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector{c, log}), nil
}

type connector struct {
	driver.Connector
	log *writeAheadLog
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := conn.(driverConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a connection of %T is not what is used here", conn), conn.Close())
	}
	p := &preparing{driverConn: inner, idle: map[string]statement{}}
	if c.log == nil {
		return p, nil
	}
	return &writing{preparing: p, log: c.log}, nil
}

// driverConn and statement are the interfaces of the driver's connections and statements.
type (
	driverConn interface {
		driver.Conn
		driver.ConnBeginTx
		driver.ConnPrepareContext
		driver.ExecerContext
		driver.QueryerContext
		driver.SessionResetter
		driver.Validator
		driver.Pinger
	}
	statement interface {
		driver.Stmt
		driver.StmtExecContext
		driver.StmtQueryContext
	}
)

// preparing is a connection that keeps prepared statements. Package sql never uses a connection
// or its rows concurrently.
type preparing struct {
	driverConn
	idle map[string]statement
}

// take returns a prepared statement that is not in use.
func (c *preparing) take(ctx context.Context, query string) (statement, error) {
	if s, ok := c.idle[query]; ok {
		delete(c.idle, query)
		return s, nil
	}
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.(statement), nil
}

// give returns a statement to the connection.
func (c *preparing) give(query string, s statement) error {
	if _, have := c.idle[query]; have || len(c.idle) >= maxStatements {
		return s.Close()
	}
	c.idle[query] = s
	return nil
}

// ExecContext runs a statement without rows.
func (c *preparing) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.ExecContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return r, c.give(query, s)
}

// QueryContext runs a statement with rows.
func (c *preparing) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &keptRows{r, func() error { return c.give(query, s) }}, nil
}

// Close closes the kept statements and the connection.
func (c *preparing) Close() (err error) {
	for query, s := range c.idle {
		err = errors.Join(err, s.Close())
		delete(c.idle, query)
	}
	return errors.Join(err, c.driverConn.Close())
}

// keptRows return their statement to the connection when they are closed.
type keptRows struct {
	driver.Rows
	give func() error
}

func (r *keptRows) Close() error {
	err := r.Rows.Close()
	if r.give != nil {
		err = errors.Join(err, r.give())
		r.give = nil
	}
	return err
}
