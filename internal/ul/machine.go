package ul

import "fmt"

// State is one of the states of PS3.8 Tables 9-1 to 9-5.
type State int

// The states, Sta1 to Sta13.
const (
	StaIdle             State = iota + 1 // Sta1
	StaAwaitRequest                      // Sta2: transport connection open
	StaAwaitLocalAnswer                  // Sta3
	StaAwaitTransport                    // Sta4
	StaAwaitAnswer                       // Sta5
	StaData                              // Sta6: association established
	StaAwaitReleaseRP                    // Sta7
	StaAwaitLocalRP                      // Sta8
	StaCollisionRQLocal                  // Sta9: collision, requestor, awaiting the local release response
	StaCollisionACRP                     // Sta10: collision, acceptor, awaiting A-RELEASE-RP
	StaCollisionRQRP                     // Sta11: collision, requestor, awaiting A-RELEASE-RP
	StaCollisionACLocal                  // Sta12: collision, acceptor, awaiting the local release response
	StaAwaitClose                        // Sta13
)

// String returns the standard's name.
func (s State) String() string { return fmt.Sprintf("Sta%d", int(s)) }

// Event is one of the events of PS3.8 Table 9-10.
type Event int

// The events, Evt1 to Evt19.
const (
	EvtAssociateRequest Event = iota + 1 // Evt1, local user
	EvtTransportOpen                     // Evt2
	EvtAssociateAC                       // Evt3
	EvtAssociateRJ                       // Evt4
	EvtTransportAccept                   // Evt5
	EvtAssociateRQ                       // Evt6
	EvtAcceptResponse                    // Evt7, local user
	EvtRejectResponse                    // Evt8, local user
	EvtDataRequest                       // Evt9, local user
	EvtData                              // Evt10
	EvtReleaseRequest                    // Evt11, local user
	EvtReleaseRQ                         // Evt12
	EvtReleaseRP                         // Evt13
	EvtReleaseResponse                   // Evt14, local user
	EvtAbortRequest                      // Evt15, local user
	EvtAbort                             // Evt16
	EvtTransportClosed                   // Evt17
	EvtTimeout                           // Evt18: ARTIM expired
	EvtInvalid                           // Evt19: unrecognized or invalid PDU
)

// String returns the standard's name.
func (e Event) String() string { return fmt.Sprintf("Evt%d", int(e)) }

// Action is the name of an action of PS3.8 Tables 9-6 to 9-9, "AE-1" to "AA-8".
type Action string

// cell is one cell of Table 9-10. Where the standard has two next states, alt is the second:
// for AE-6 if the request is rejected, for AR-8 if this side is the acceptor.
type cell struct {
	action    Action
	next, alt State
}

// row is one row of the table by state.
type row map[State]cell

func abortedBy(own row) row {
	full := row{StaAwaitRequest: {"AA-1", 13, 0}, StaAwaitClose: {"AA-6", 13, 0}}
	for s := StaAwaitLocalAnswer; s < StaAwaitClose; s++ {
		if s != StaAwaitTransport {
			full[s] = cell{"AA-8", 13, 0}
		}
	}
	for s, c := range own {
		full[s] = c
	}
	return full
}

func inStates(from, to State, c cell, own row) row {
	for s := from; s <= to; s++ {
		if _, ok := own[s]; !ok {
			own[s] = c
		}
	}
	return own
}

// transitions is PS3.8 Table 9-10. An event cannot occur in a state that its row does not
// contain.
var transitions = map[Event]row{
	EvtAssociateRequest: {1: {"AE-1", 4, 0}},
	EvtTransportOpen:    {4: {"AE-2", 5, 0}},
	EvtAssociateAC:      abortedBy(row{5: {"AE-3", 6, 0}}),
	EvtAssociateRJ:      abortedBy(row{5: {"AE-4", 1, 0}}),
	EvtTransportAccept:  {1: {"AE-5", 2, 0}},
	EvtAssociateRQ:      abortedBy(row{2: {"AE-6", 3, 13}, 13: {"AA-7", 13, 0}}),
	EvtAcceptResponse:   {3: {"AE-7", 6, 0}},
	EvtRejectResponse:   {3: {"AE-8", 13, 0}},
	EvtDataRequest:      {6: {"DT-1", 6, 0}, 8: {"AR-7", 8, 0}},
	EvtData:             abortedBy(row{6: {"DT-2", 6, 0}, 7: {"AR-6", 7, 0}}),
	EvtReleaseRequest:   {6: {"AR-1", 7, 0}},
	EvtReleaseRQ:        abortedBy(row{6: {"AR-2", 8, 0}, 7: {"AR-8", 9, 10}}),
	EvtReleaseRP:        abortedBy(row{7: {"AR-3", 1, 0}, 10: {"AR-10", 12, 0}, 11: {"AR-3", 1, 0}}),
	EvtReleaseResponse:  {8: {"AR-4", 13, 0}, 9: {"AR-9", 11, 0}, 12: {"AR-4", 13, 0}},
	EvtAbortRequest:     inStates(3, 12, cell{"AA-1", 13, 0}, row{4: {"AA-2", 1, 0}}),
	EvtAbort:            inStates(5, 12, cell{"AA-3", 1, 0}, row{2: {"AA-2", 1, 0}, 3: {"AA-3", 1, 0}, 13: {"AA-2", 1, 0}}),
	EvtTransportClosed:  inStates(3, 12, cell{"AA-4", 1, 0}, row{2: {"AA-5", 1, 0}, 13: {"AR-5", 1, 0}}),
	EvtTimeout:          {2: {"AA-2", 1, 0}, 13: {"AA-2", 1, 0}},
	EvtInvalid:          abortedBy(row{13: {"AA-7", 13, 0}}),
}

// Machine is the state machine of one association.
type Machine struct{ state State }

// NewMachine returns a machine in Sta1.
func NewMachine() Machine { return Machine{StaIdle} }

// State returns the current state.
func (m *Machine) State() State { return m.state }

// Step performs the transition for e and returns its action. alt selects the second next state
// where Table 9-10 has two. If the event cannot occur in the state, Step returns an error and
// changes nothing.
func (m *Machine) Step(e Event, alt bool) (Action, error) {
	c, ok := transitions[e][m.state]
	if !ok {
		return "", fmt.Errorf("%v cannot occur in %v", e, m.state)
	}
	m.state = c.next
	if alt && c.alt != 0 {
		m.state = c.alt
	}
	return c.action, nil
}
