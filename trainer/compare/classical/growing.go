package classical

import (
	"container/heap"
	"math"
)

// growing extends classified patches over the rest of a picture.
type growing struct {
	picture Picture
	classes []uint8
	done    []bool
	queue   fronts
}

// add takes pixel i into a patch of mean grey level and queues its neighbours.
func (g *growing) add(i int, level float64) {
	g.done[i] = true
	neighbours(i, g.picture.Height, g.picture.Width, func(j int) {
		if !g.done[j] {
			heap.Push(&g.queue, front{math.Abs(g.picture.V[j] - level), g.queue.pushed(), j, g.classes[i], level})
		}
	})
}

func (g *growing) run() {
	for g.queue.Len() > 0 {
		f := heap.Pop(&g.queue).(front) // only fronts are pushed
		if !g.done[f.pixel] {
			g.classes[f.pixel] = f.class
			g.add(f.pixel, f.level)
		}
	}
}

// front is a pixel beside a patch.
type front struct {
	distance float64 // in grey, to the patch
	order    int     // breaks ties: first come, first served
	pixel    int
	class    uint8
	level    float64 // mean grey of the patch
}

// fronts is a heap.Interface, the nearest front first.
type fronts struct {
	list []front
	n    int
}

func (f *fronts) pushed() int   { f.n++; return f.n }
func (f *fronts) Len() int      { return len(f.list) }
func (f *fronts) Swap(i, j int) { f.list[i], f.list[j] = f.list[j], f.list[i] }
func (f *fronts) Push(x any)    { f.list = append(f.list, x.(front)) }
func (f *fronts) Less(i, j int) bool {
	a, b := f.list[i], f.list[j]
	return a.distance < b.distance || a.distance == b.distance && a.order < b.order
}

func (f *fronts) Pop() any {
	last := f.list[len(f.list)-1]
	f.list = f.list[:len(f.list)-1]
	return last
}
