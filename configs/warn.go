package configs

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"dicomnode/internal/iod"
	"dicomnode/internal/uid"
)

// warn finds settings that are valid but probably a mistake.
func warn(c Config) Problems {
	var v checker
	v.openPeers(c.Peers)
	v.shadowedRoutes(c.Routes)
	v.unknownWords(c)
	return v.found
}

// widePrefix is the shortest prefix length that is not warned about.
const widePrefix = 8

func (v *checker) openPeers(peers []Peer) {
	for i, p := range peers {
		prefix, err := netip.ParsePrefix(p.Address)
		if err == nil && prefix.Bits() < widePrefix {
			v.add(fmt.Sprintf("peers[%d].address", i), "name the address, or the network that the equipment is in",
				"%s admits any device with AE title %s from nearly everywhere: an AE title is no secret", p.Address, p.AETitle)
		}
	}
}

// shadowedRoutes finds routes that no image can reach.
func (v *checker) shadowedRoutes(routes []Route) {
	for j, later := range routes {
		i := slices.IndexFunc(routes[:j], func(earlier Route) bool { return earlier.covers(later) })
		if i >= 0 {
			v.add(fmt.Sprintf("routes[%d]", j), "write it above that route, or narrow that route",
				"route %q never takes an image: route %q before it takes all of them", later.Name, routes[i].Name)
		}
	}
}

// covers reports whether r takes every image that other could take.
func (r Route) covers(other Route) bool {
	ours, theirs := r.Criteria.each(Image{}), other.Criteria.each(Image{})
	excluded, excludedThere := r.Except.each(Image{}), other.Except.each(Image{})
	for k := range ours {
		if len(ours[k].list) > 0 && (len(theirs[k].list) == 0 || !ours[k].hasAll(theirs[k].list)) {
			return false
		}
		for _, value := range excluded[k].list {
			outside := len(theirs[k].list) > 0 && !theirs[k].hasAll([]string{value})
			if !outside && !excludedThere[k].hasAll([]string{value}) {
				return false
			}
		}
	}
	return true
}

// hasAll reports whether each value is listed.
func (c criterion) hasAll(values []string) bool {
	for _, v := range values {
		if c.key == "sop_classes" {
			v = sopClass(v)
		}
		if c.value = v; !c.holds() {
			return false
		}
	}
	return true
}

// unknownWords finds body parts and SOP classes that hardly any image has.
func (v *checker) unknownWords(c Config) {
	for _, part := range slices.Sorted(maps.Keys(c.SoftTissue.ByBodyPart)) {
		v.bodyPart("soft_tissue.by_body_part."+part, part)
	}
	for i, r := range c.Routes {
		for _, side := range []struct {
			key string
			Criteria
		}{{"", r.Criteria}, {"except.", r.Except}} {
			key := fmt.Sprintf("routes[%d].%s", i, side.key)
			for j, part := range side.BodyParts {
				v.bodyPart(fmt.Sprintf("%sbody_parts[%d]", key, j), part)
			}
			for j, class := range side.SOPClasses {
				v.storageClass(fmt.Sprintf("%ssop_classes[%d]", key, j), class)
			}
		}
	}
}

func (v *checker) bodyPart(key, part string) {
	if _, _, known := iod.AnatomicRegion(part); known {
		return
	}
	hint := "the defined terms of Body Part Examined (0018,0015) are those of PS3.16 Annex L, such as CHEST or HAND"
	if near := nearest(part, iod.BodyParts()); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	v.add(key, hint, "no defined term of Body Part Examined is %q: only equipment that writes it so is meant", word(part))
}

func (v *checker) storageClass(key, class string) {
	known := slices.ContainsFunc(uid.StorageClasses(), func(keyword string) bool { return sopClass(keyword) == sopClass(class) })
	if !known {
		v.add(key, "the classes received are: "+strings.Join(uid.StorageClasses(), ", "), "no image of SOP class %s is received", class)
	}
}

// word normalises a value of VR CS for comparison.
func word(s string) string { return strings.ToUpper(strings.TrimSpace(s)) }

// sopClass is the UID of a route's SOP class: itself, or that of a keyword.
func sopClass(s string) string {
	if class, ok := uid.StorageClass(s); ok {
		return class
	}
	return s
}
