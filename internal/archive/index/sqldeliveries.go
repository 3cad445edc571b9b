package index

const deliveryColumns = "object_id, destination, state, at, status, words, attempts, transaction_uid, requested"

func scanDelivery(r row) (d Delivery, err error) {
	var at, requested int64
	err = r.Scan(&d.ObjectID, &d.Destination, &d.State, &at, &d.Status, &d.Words, &d.Attempts, &d.TransactionUID, &requested)
	d.At, d.RequestedAt = fromNanos(at), fromNanos(requested)
	return d, err
}

func (t *sqlTx) AddDelivery(object int64, destination string) (bool, error) {
	n, err := t.exec("INSERT INTO delivery (object_id, destination) VALUES (?, ?) ON CONFLICT DO NOTHING", object, destination)
	return n == 1, err
}

func (t *sqlTx) SetDelivery(d Delivery) error {
	n, err := t.exec("UPDATE delivery SET state = ?, at = ?, status = ?, words = ?, attempts = ?, transaction_uid = ?, requested = ? WHERE object_id = ? AND destination = ?",
		string(d.State), nanos(d.At), d.Status, d.Words, d.Attempts, d.TransactionUID, nanos(d.RequestedAt), d.ObjectID, d.Destination)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return err
}

func (t *sqlTx) DeliveriesOf(object int64) ([]Delivery, error) {
	return list(t, scanDelivery, "SELECT "+deliveryColumns+" FROM delivery WHERE object_id = ? ORDER BY destination", object)
}

func (t *sqlTx) Undelivered() ([]Delivery, error) {
	return list(t, scanDelivery, "SELECT "+deliveryColumns+" FROM delivery WHERE state NOT IN (?, ?, ?, ?, ?) ORDER BY object_id, destination",
		string(Held), string(Delivered), string(Refused), string(Withdrawn), string(Skipped))
}

// The state is a literal in the query, so that SQLite uses the partial index.
func (t *sqlTx) Held() ([]Delivery, error) {
	return list(t, scanDelivery, "SELECT "+deliveryColumns+" FROM delivery WHERE state = 'held' ORDER BY object_id, destination")
}

func (t *sqlTx) Destinations() ([]string, error) {
	return list(t, one[string], "SELECT DISTINCT destination FROM delivery ORDER BY destination")
}

func (t *sqlTx) InTransaction(transactionUID string) ([]Delivery, error) {
	if transactionUID == "" {
		return nil, nil
	}
	return list(t, scanDelivery, "SELECT "+deliveryColumns+" FROM delivery WHERE transaction_uid = ? AND transaction_uid <> '' ORDER BY object_id, destination", transactionUID)
}
