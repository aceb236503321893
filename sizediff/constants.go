package sizediff

func (w *measuring) constants() error { return nil }
