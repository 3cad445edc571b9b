package main

import "github.com/spf13/cobra"

func trainerSimulateCmd() *cobra.Command { return &cobra.Command{Use: "simulate"} }
