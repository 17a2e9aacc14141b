// Package server wires the rooms into a running authorization server.
//
//	config ─► OpenStore ─► OpenKeys ─┐
//	                  └──► OpenLogin ─┼─► authz.New ─► web.New ─► Server.Handler
//	                  └──► reconcile the declared clients    └─► or web.NewAdmin ─► Server.AdminHandler
//
//	Run: New ─► listen ─► say where it is ─► serve ─► on SIGTERM drain ─► close
//
// The commands of the CLI open single rooms with the same functions, while a
// server runs beside them.
package server
