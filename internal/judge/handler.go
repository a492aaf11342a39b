package judge

import (
	"labelgate/internal/queue"
	"labelgate/internal/split"
	"labelgate/netlabel"
)

// Handler judges the packets of one queue. It belongs to one goroutine.
type Handler struct {
	judge    *judge
	recorder *recorder
	tested   *judge // judges what never was on a wire: nobody hears of that
	visits   *visits
}

var (
	_ queue.Handler = (*Handler)(nil)
	_ queue.Idler   = (*Handler)(nil)
	_ split.Tester  = (*Handler)(nil)
)

// Handle decides each packet. Verdicts come zeroed, which means drop.
func (h *Handler) Handle(packets []queue.Packet, verdicts []queue.Verdict) {
	h.judge.Handle(packets, verdicts)
	if h.visits.p.Load() != nil {
		h.receive(h.judge.due())
	}
}

// HandleTest decides packets that were made up, without counting, recording or
// remembering them.
func (h *Handler) HandleTest(packets []queue.Packet, verdicts []queue.Verdict) {
	h.Idle()
	h.tested.Handle(packets, verdicts)
}

// Idle sums up what was not recorded one by one. It is called when no packets come.
func (h *Handler) Idle() {
	h.recorder.sumUp(h.judge)
	h.receive(allPlaces)
}

// End sums up all that is left.
func (h *Handler) End() {
	h.recorder.limiter.Drain(h.recorder.records)
	_ = h.recorder.records.Flush() // what is not taken is outstanding, and counted as that
}

// unseen is a witness that tells nobody.
type unseen struct{}

func (unseen) ready(moment, int) bool   { return true }
func (unseen) settled(moment, int) bool { return true }
func (unseen) saw(moment, *queue.Packet, netlabel.Direction, *netlabel.Verdict, []byte) {
}
