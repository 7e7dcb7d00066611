// Package graph reads Gorgonia's graphs into networks, and evaluates them op by op.
package graph
