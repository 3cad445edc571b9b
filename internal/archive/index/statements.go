package index

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// maxStatements is how many statements a connection keeps prepared.
const maxStatements = 128

// openDB opens a pool on a database, whose connections prepare each statement
// once: to parse most of ours costs more than to run them.
func openDB(dataSource string) (*sql.DB, error) {
	c, err := sqlite.NewConnector(dataSource)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector{c}), nil
}

type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := conn.(library)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a connection of %T is not what is used here", conn), conn.Close())
	}
	return &preparing{library: inner, idle: map[string]statement{}}, nil
}

// library and statement are what the driver's connections and statements can do.
type (
	library interface {
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

// preparing is a connection that keeps its statements. Package sql never calls a
// connection or its rows concurrently.
type preparing struct {
	library
	idle map[string]statement
}

// take is a statement that nobody runs at the moment.
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

// give takes a statement back.
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

// Close closes what is kept, and the connection.
func (c *preparing) Close() (err error) {
	for query, s := range c.idle {
		err = errors.Join(err, s.Close())
		delete(c.idle, query)
	}
	return errors.Join(err, c.library.Close())
}

// keptRows give their statement back when they are closed.
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
