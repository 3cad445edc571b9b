package index

func scanDelivery(r row) (d Delivery, err error) {
	var at int64
	err = r.Scan(&d.ObjectID, &d.Destination, &d.State, &at, &d.Status, &d.Words, &d.Attempts)
	d.At = fromNanos(at)
	return d, err
}

func (t *sqlTx) AddDelivery(object int64, destination string) (bool, error) {
	n, err := t.exec("INSERT INTO delivery (object_id, destination) VALUES (?, ?) ON CONFLICT DO NOTHING", object, destination)
	return n == 1, err
}

func (t *sqlTx) SetDelivery(d Delivery) error {
	n, err := t.exec("UPDATE delivery SET state = ?, at = ?, status = ?, words = ?, attempts = ? WHERE object_id = ? AND destination = ?",
		string(d.State), nanos(d.At), d.Status, d.Words, d.Attempts, d.ObjectID, d.Destination)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return err
}

func (t *sqlTx) DeliveriesOf(object int64) ([]Delivery, error) {
	return list(t, scanDelivery, "SELECT object_id, destination, state, at, status, words, attempts FROM delivery WHERE object_id = ? ORDER BY destination", object)
}

func (t *sqlTx) Undelivered() ([]Delivery, error) {
	return list(t, scanDelivery, "SELECT object_id, destination, state, at, status, words, attempts FROM delivery WHERE state NOT IN (?, ?, ?, ?) ORDER BY object_id, destination",
		string(Delivered), string(Refused), string(Withdrawn), string(Skipped))
}

func (t *sqlTx) Destinations() ([]string, error) {
	return list(t, one[string], "SELECT DISTINCT destination FROM delivery ORDER BY destination")
}
