package index

import (
	"database/sql"
	"errors"
)

func scanCommitmentRequest(r row) (p CommitmentRequest, err error) {
	var at int64
	err = r.Scan(&p.Peer, &p.TransactionUID, &at, &p.Content)
	p.At = fromNanos(at)
	return p, err
}

func (t *sqlTx) SetCommitmentRequest(p CommitmentRequest) error {
	_, err := t.exec("INSERT INTO promise (peer, transaction_uid, at, content) VALUES (?, ?, ?, ?) ON CONFLICT (peer, transaction_uid) DO UPDATE SET at = excluded.at, content = excluded.content",
		p.Peer, p.TransactionUID, nanos(p.At), p.Content)
	return err
}

func (t *sqlTx) CommitmentRequest(peer, transactionUID string) (CommitmentRequest, error) {
	p, err := scanCommitmentRequest(t.tx.QueryRowContext(t.ctx, "SELECT peer, transaction_uid, at, content FROM promise WHERE peer = ? AND transaction_uid = ?", peer, transactionUID))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return p, err
}

func (t *sqlTx) CommitmentRequests() ([]CommitmentRequest, error) {
	return list(t, scanCommitmentRequest, "SELECT peer, transaction_uid, at, content FROM promise ORDER BY at, peer, transaction_uid")
}

func (t *sqlTx) DeleteCommitmentRequest(peer, transactionUID string) error {
	_, err := t.exec("DELETE FROM promise WHERE peer = ? AND transaction_uid = ?", peer, transactionUID)
	return err
}
