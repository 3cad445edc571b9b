package ul

import (
	"errors"
	"time"
)

// actions are the actions of PS3.8 Tables 9-6 to 9-9. An indication to the local user is the
// return of the call that received the PDU. cause is the error to return if the action ends the
// association.
var actions = map[Action]func(c *Conn, p PDU, cause error) error{
	"AE-1":  nothing, // the transport connection is opened by the caller
	"AE-2":  transmit,
	"AE-3":  stopTimer,
	"AE-4":  closeAnswered,
	"AE-5":  startTimer,
	"AE-6":  checkRequest,
	"AE-7":  transmit,
	"AE-8":  transmitAndStart,
	"DT-1":  nothing, // the caller writes P-DATA-TF PDUs, many at once
	"DT-2":  nothing, // streamed by NextPDV and Read
	"AR-1":  transmit,
	"AR-2":  nothing,
	"AR-3":  closeAnswered,
	"AR-4":  transmitAndStart,
	"AR-5":  stopTimer,
	"AR-6":  nothing, // Release discards data that arrives while it waits
	"AR-7":  nothing,
	"AR-8":  nothing,
	"AR-9":  transmit,
	"AR-10": nothing,
	"AA-1":  sendAbort,
	"AA-2":  closeTransport,
	"AA-3":  closeTransport,
	"AA-4":  closeTransport,
	"AA-5":  closeTransport,
	"AA-6":  nothing,
	"AA-7":  sendAbort,
	"AA-8":  sendAbort,
}

func nothing(*Conn, PDU, error) error { return nil }

func transmit(c *Conn, p PDU, _ error) error { return c.send(p) }

func startTimer(c *Conn, _ PDU, _ error) error {
	c.artim = time.Now().Add(c.timeouts.ARTIM)
	return nil
}

func stopTimer(c *Conn, _ PDU, _ error) error {
	c.artim = time.Time{}
	return nil
}

func transmitAndStart(c *Conn, p PDU, _ error) error {
	c.artim = time.Now().Add(linger)
	return c.send(p)
}

func closeTransport(c *Conn, _ PDU, cause error) error {
	_ = c.nc.Close() // a failure has no consequence: the association is over
	return c.end(cause)
}

// closeAnswered closes the connection after the regular end of the association.
func closeAnswered(c *Conn, _ PDU, _ error) error {
	_ = c.nc.Close()
	return nil
}

// checkRequest stops ARTIM. In Sta13 it rejects the request, because its protocol version is
// not 1 (PS3.8 9.3.2, bit 0).
func checkRequest(c *Conn, p PDU, _ error) error {
	c.artim = time.Time{}
	if c.machine.State() != StaAwaitClose {
		return nil
	}
	_ = transmitAndStart(c, &RejectProtocolVersion, nil)
	return c.end(errors.New("protocol version not supported"))
}

// sendAbort sends the given A-ABORT, or one with the reason of cause. In Sta2, Table 9-9 has
// AA-1 name the service user as source. sendAbort names the service provider, which found the
// error, because that tells the peer more.
func sendAbort(c *Conn, p PDU, cause error) error {
	abort, ok := p.(*Abort)
	if !ok {
		abort = &Abort{SourceProvider, ReasonNotSpecified}
		var broken *ProtocolError
		if errors.As(cause, &broken) {
			abort.Reason = broken.Reason
		}
	}
	_ = transmitAndStart(c, abort, nil) // cause is more useful than the error of a failed A-ABORT
	return c.end(cause)
}
