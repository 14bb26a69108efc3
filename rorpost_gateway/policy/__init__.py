"""The policy: who may write to whom, and under which rules. Pure; time and keys are arguments."""
