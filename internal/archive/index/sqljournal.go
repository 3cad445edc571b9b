package index

import (
	"database/sql"
	"errors"
)

func (t *sqlTx) Saw(p Peer) error {
	_, err := t.exec(`INSERT INTO peer (name, calling_ae, called_ae, address, first, last, associations, objects)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (calling_ae, called_ae, address) DO UPDATE SET
		name = excluded.name, last = max(last, excluded.last),
		associations = associations + excluded.associations, objects = objects + excluded.objects`,
		p.Name, p.CallingAE, p.CalledAE, p.Address, nanos(p.First), nanos(p.Last), p.Associations, p.Objects)
	return err
}

func (t *sqlTx) Peers() ([]Peer, error) {
	return list(t, func(r row) (p Peer, err error) {
		var first, last int64
		err = r.Scan(&p.Name, &p.CallingAE, &p.CalledAE, &p.Address, &first, &last, &p.Associations, &p.Objects)
		p.First, p.Last = fromNanos(first), fromNanos(last)
		return p, err
	}, "SELECT name, calling_ae, called_ae, address, first, last, associations, objects FROM peer ORDER BY last DESC, calling_ae, called_ae, address")
}

func (t *sqlTx) Refuse(r Refusal) error {
	_, err := t.exec(`INSERT INTO refusal (kind, peer, calling_ae, called_ae, address, status, words, first, last, count)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, calling_ae, called_ae, address, status, words) DO UPDATE SET
		last = max(last, excluded.last), count = count + excluded.count, peer = excluded.peer`,
		r.Kind, r.Peer, r.CallingAE, r.CalledAE, r.Address, r.Status, r.Words, nanos(r.First), nanos(r.Last), r.Count)
	if err != nil {
		return err
	}
	_, err = t.exec(`DELETE FROM refusal WHERE last < (SELECT last FROM refusal ORDER BY last DESC LIMIT 1 OFFSET ?)`, MaxRefusals-1)
	return err
}

func (t *sqlTx) Refusals() ([]Refusal, error) {
	return list(t, func(r row) (f Refusal, err error) {
		var first, last int64
		err = r.Scan(&f.Kind, &f.Peer, &f.CallingAE, &f.CalledAE, &f.Address, &f.Status, &f.Words, &first, &last, &f.Count)
		f.First, f.Last = fromNanos(first), fromNanos(last)
		return f, err
	}, "SELECT kind, peer, calling_ae, called_ae, address, status, words, first, last, count FROM refusal ORDER BY last DESC, kind, calling_ae")
}

func (t *sqlTx) Note(a Act) error {
	_, err := t.exec("INSERT INTO act (at, who, what, subject, reason) VALUES (?, ?, ?, ?, ?)", nanos(a.At), a.Who, a.What, a.Subject, a.Reason)
	return err
}

func (t *sqlTx) Acts(limit int) ([]Act, error) {
	return list(t, func(r row) (a Act, err error) {
		var at int64
		err = r.Scan(&at, &a.Who, &a.What, &a.Subject, &a.Reason)
		a.At = fromNanos(at)
		return a, err
	}, "SELECT at, who, what, subject, reason FROM act ORDER BY id DESC LIMIT ?", limit)
}

func (t *sqlTx) Value(key string) (string, error) {
	v, err := one[string](t.tx.QueryRowContext(t.ctx, "SELECT value FROM value WHERE key = ?", key))
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, err
}

func (t *sqlTx) SetValue(key, value string) error {
	_, err := t.exec("INSERT INTO value (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
	return err
}
